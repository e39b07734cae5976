"""Proofs over real processes: Dagster's webserver, daemon, code servers and runs, all as served."""
