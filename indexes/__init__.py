"""The core: what an index is and how it is searched. Imports nothing of ours."""
