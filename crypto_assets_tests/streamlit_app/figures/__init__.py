"""Figures, from frames made by hand."""
