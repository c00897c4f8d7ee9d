"""Claims: what is said of cells, and what the records say to it."""
