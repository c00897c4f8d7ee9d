"""From frames to a page: figures, captions that state the finding, tables, HTML and Markdown."""
