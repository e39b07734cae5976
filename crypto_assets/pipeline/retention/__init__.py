"""Expires minutes, order books and lake objects by the retention policy."""
