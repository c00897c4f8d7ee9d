"""Claims about cells, and the verdicts on them from the records of studies."""
