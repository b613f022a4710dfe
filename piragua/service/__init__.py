"""Builds one instance from its settings, keeps it running, and listens."""
