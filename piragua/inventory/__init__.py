"""What exists on a Gluster volume: ids, names, labels, use."""
