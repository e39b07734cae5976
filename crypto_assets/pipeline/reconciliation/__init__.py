"""Compares stored data with the exchange and the lake, and resolves the differences."""
