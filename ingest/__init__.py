"""From a file to a generation: sources, readers, cleaning, chunking, build. Imports `indexes` only."""
