"""Limits on volumes, and the watch over quota's daemon."""
