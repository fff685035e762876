"""Documents as data: what a page says, apart from how it looks; written as HTML or as Markdown."""
