"""Expires minutes and lake objects by the retention policy."""
