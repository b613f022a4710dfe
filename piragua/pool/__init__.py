"""Which Gluster volumes there are, which peers hold their bricks, and where those are mounted from."""
