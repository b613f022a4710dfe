"""Copying a volume's tree, level by level."""
