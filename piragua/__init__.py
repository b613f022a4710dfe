"""Thin volumes on one Gluster volume, handed out over Heketi's REST API."""

__version__ = "1.0.0"
