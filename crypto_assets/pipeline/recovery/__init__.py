"""Restores a warehouse from the lake, and what interrupted runs left behind."""
