"""Long work: ids, jobs, this instance's work, other instances' work."""
