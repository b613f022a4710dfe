"""The records of volumes, saved and put back."""
