"""What administrators set, kept on the Gluster volume so that every instance goes by it."""
