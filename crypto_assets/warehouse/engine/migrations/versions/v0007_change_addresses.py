"""Add the address of the client to the change log."""

from alembic import op
from sqlalchemy import Column, String, inspect

revision = "0007"
down_revision = "0006"

TABLE, ADDRESS = "audit_log", Column("address", String(64), nullable=True)


def upgrade() -> None:
    """Add the column unless an interrupted run has added it."""
    if ADDRESS.name not in {column["name"] for column in inspect(op.get_bind()).get_columns(TABLE)}:
        op.add_column(TABLE, ADDRESS)
