"""Metrics for Prometheus: Heketi's names, and Piragua's own. docs/monitoring.md lists them."""
