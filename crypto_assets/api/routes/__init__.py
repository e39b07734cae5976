"""The routes by topic; each parses the request, makes one call and builds the response."""
