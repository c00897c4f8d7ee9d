"""The pages: which blocks, in which order."""
