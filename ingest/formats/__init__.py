"""Foreign formats, one reader a module: bytes in, Markdown out; each runs in the readers' child process."""
