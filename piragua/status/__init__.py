"""Counters and health of this instance."""
