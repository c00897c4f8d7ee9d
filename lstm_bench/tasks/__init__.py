"""Long-memory tasks, one file each. A new task is one class with the members of `contract.Task`."""
