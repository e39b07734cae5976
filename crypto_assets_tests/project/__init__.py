"""Tests of the repository itself: files, locks, docs, make targets and deployment."""
