"""Tests of everything at once: exchange, Dagster and app as `crypto-assets up` runs them."""
