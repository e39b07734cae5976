"""The script that Alembic runs for a command, on the connection of `migrate.py`, which has a lock.

SQLite rolls DDL back. MySQL commits each statement, so each step of a version checks first whether
it is done already.
"""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=None,
    transactional_ddl=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
