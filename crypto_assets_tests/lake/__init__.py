"""Tests of the lake, the same for directory and S3."""
