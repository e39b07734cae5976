"""Classifies missing minutes by asking the exchange again."""
