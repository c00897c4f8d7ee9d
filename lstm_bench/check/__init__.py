"""The command that says in words what is right and what is wrong with a cell."""
