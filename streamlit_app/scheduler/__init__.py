"""The parts of the page Scheduler."""
