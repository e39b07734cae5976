"""The warehouse on SQLite and on a real server."""
