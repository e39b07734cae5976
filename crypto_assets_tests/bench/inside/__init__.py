"""Measurements in a home, each in a process with the home's environment."""

# Begins the output line that contains the figures.
FIGURES_PREFIX = "figures:"
