"""Pages in one file: text, tables, charts and pictures as HTML that needs no network."""
