"""Records, fetches and classifies missing minutes."""
