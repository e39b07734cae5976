"""The parts of the page Dashboard."""
