"""Figures about what is stored: coverage, totals, flow."""
