"""How fast a training step is: of a study's cells, and of all implementations in a speed study."""
