"""Tests that boot or mount a real Gluster; they need root. Folders: the packages of piragua, and subjects."""
