"""The parts of the page Analytics."""
