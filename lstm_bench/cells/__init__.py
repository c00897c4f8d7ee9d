"""Recurrent cells, one file each. A new cell is one class with the two methods of `contract.Cell`."""
