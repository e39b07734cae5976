"""The parts of the page Pipeline."""
