"""Tests about the repository itself: its files, locks, docs, doors and deployment."""
