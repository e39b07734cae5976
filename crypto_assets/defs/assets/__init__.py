"""The assets, a file for each chain of the flow."""
