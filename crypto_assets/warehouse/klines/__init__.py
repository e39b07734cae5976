"""Candles and order books: loading, conflict resolution, aggregates, resampling."""
