"""How a command asks a server: connection, options, exit status, waiting."""
