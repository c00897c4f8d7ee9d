"""Measure the speed of training steps: of a study's cells, and of all implementations in a speed study."""
