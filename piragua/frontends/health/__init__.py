"""Whether this instance lives and is well, for balancers, systemd and people."""
