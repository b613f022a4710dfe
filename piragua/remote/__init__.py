"""A Piragua server, asked over HTTP."""
