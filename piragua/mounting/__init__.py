"""What is mounted on this host, mounting a Gluster volume, and the FUSE client behind a mount."""
