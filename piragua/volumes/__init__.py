"""The core: create, expand, delete, get and list volumes. Knows neither HTTP nor XML.

docs/on-disk-format.md has the sequences that the jobs follow.
"""
