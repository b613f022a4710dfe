"""Front-ends: a folder each, listed in `registry.py`. docs/architecture.md says how to add one."""
