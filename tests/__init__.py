"""Tests on real Glusters, and of single modules; `sudo tests/run` runs them all."""
