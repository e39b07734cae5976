"""Ingests symbols: ticks, backfills, day closing, gap retries, imports."""
