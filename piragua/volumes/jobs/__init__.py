"""Long work on volumes: a module for each kind of it."""
