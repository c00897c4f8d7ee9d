"""The command that checks a cell, and prints in words what is right and what is wrong with it."""
