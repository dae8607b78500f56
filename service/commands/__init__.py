"""The command groups of `career`; each module imports at its top only what `career --help` can afford."""
