"""Detects failures and stale symbols, and notifies a webhook."""
