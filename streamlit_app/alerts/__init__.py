"""The parts of the page Alerts."""
