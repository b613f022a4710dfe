"""The benchmark: all figures of one run on one machine, so that their ratios mean something."""
