"""A noticeboard: a front-end as somebody else may add it, with rules of its own wherever it can have some."""
