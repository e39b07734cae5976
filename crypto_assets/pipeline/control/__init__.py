"""Admin actions: backfills, runtime settings, symbols, first set-up."""
