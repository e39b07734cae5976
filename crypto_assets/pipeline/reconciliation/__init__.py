"""Compares what is stored with the exchange, and resolves what differs."""
