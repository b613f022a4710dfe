"""The only place that touches the mounted Gluster volume, and knows its layout.

The layout, its states and every sequence are specified in docs/on-disk-format.md.
"""
