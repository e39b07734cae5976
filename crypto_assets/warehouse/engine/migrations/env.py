"""What Alembic runs for a command: the connection is given by `migration.py`, which holds the lock.

`transactional_ddl` is left to the dialect's truth: SQLite rolls DDL back, MySQL commits each step,
which is why every step of a version looks first whether it has been done.
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
