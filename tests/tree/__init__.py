"""The package piragua.tree on real Glusters, and what its tests need: directories by hand, holders of locks."""
