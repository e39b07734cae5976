"""Fixtures: exchange."""
