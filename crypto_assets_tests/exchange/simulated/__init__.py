"""Tests of the simulated exchange, over HTTP and without."""
