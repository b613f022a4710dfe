"""The commands that ask a server over HTTP, from any machine."""
