"""Changes to the corpus as jobs: one at a time, each builds the next generation and lets new questions see it."""


class Jobs:
    def close(self) -> None: ...
