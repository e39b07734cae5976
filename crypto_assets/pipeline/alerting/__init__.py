"""Builds alerts for failures and stale symbols, and sends them to a webhook."""
