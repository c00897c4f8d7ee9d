"""The truth on disk: what a study planned, what became of each member, and what was measured besides."""
