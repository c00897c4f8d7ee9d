"""Published results with their protocols and sources, and how their units translate into ours."""
