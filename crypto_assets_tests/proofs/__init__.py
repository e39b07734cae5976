"""Tests with real processes: Dagster's webserver, daemon, code servers and runs."""
