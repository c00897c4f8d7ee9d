"""A kernel in torch operations for each cell that has one: back-propagation through time by hand."""
