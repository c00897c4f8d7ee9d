"""One file a figure: `draw` makes it, `caption` says in numbers what it shows, `alt` describes it in words alone."""
