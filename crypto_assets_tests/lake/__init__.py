"""Tests of the lake, the same for every body that it may have."""
