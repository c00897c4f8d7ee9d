"""Kernels that are generated from the traced step of any cell."""
