"""Alembic's migrations, which create and upgrade the schema version by version."""
