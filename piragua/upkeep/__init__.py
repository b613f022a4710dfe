"""What is looked after without anybody asking: sweep, repair, purging, and how much of it at a time."""
