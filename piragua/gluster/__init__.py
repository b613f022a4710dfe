"""The only place that runs the `gluster` program and reads what it prints."""
