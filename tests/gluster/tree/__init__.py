"""The package piragua.tree on real Glusters."""
