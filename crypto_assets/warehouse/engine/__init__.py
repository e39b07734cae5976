"""The database engine: connections, dialects, schema, migrations, bulk load."""
