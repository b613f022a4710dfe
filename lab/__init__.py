"""A private Gluster on this machine, for first looks, tests, benchmarks and development. It needs root."""
