"""The log: its lines, the audit trail, which request a line is for, and what is said only once."""
