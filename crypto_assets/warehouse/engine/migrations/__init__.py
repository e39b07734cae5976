"""Alembic's side of the warehouse: how a schema comes to be, version by version."""
