"""One file per figure: `draw` makes it, `finding` states what it shows in numbers, `rows` has the rows behind it."""
