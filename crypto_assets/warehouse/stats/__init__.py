"""Statistics of the stored data: coverage, totals, flow."""
