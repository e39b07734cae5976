"""Tests of roles, tokens, sessions and one-time codes."""
