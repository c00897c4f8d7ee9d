"""Kernels in C for the CPU, built by the machine's own compiler on first use."""
