"""Tests of the figures of processes."""
