"""Training many members at once. Needs torch and nothing else."""
