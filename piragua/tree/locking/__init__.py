"""Locks that all instances see, and who waits for them in this one."""
