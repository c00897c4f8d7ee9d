"""Launchers of clusters: how a study's jobs get to SLURM and to Ray."""
