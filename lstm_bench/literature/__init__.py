"""Published results with their protocols and sources, and conversions of their units into ours."""
