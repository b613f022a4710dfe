"""What everything that speaks HTTP has: tokens, bodies, gates, errors, the request log, OpenAPI."""
