"""The script that Alembic runs for a command, on the connection and under the lock of `migrate.py`.

`transactional_ddl` is as the server behaves: SQLite rolls DDL back, MySQL commits each step. Every
step of a version therefore first checks whether it is done.
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
