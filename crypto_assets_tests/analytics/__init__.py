"""Analytics: providers, frames, gaps and the registry."""
