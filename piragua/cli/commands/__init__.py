"""The commands that ask a server, a module for each noun."""
