"""The routes, by what they speak of. Each parses, makes one call, and returns."""
