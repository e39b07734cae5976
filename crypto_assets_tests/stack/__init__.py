"""Tests of all processes that `crypto-assets up` runs."""
