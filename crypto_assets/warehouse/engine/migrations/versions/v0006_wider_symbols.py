"""Widen the names of symbols and assets to the 50 characters that the exchange allows."""

from alembic import op
from sqlalchemy.dialects.mysql import VARCHAR

revision = "0006"
down_revision = "0005"

# The binary collation compares code points, so the server never treats two symbols as equal.
NAME = VARCHAR(50, charset="utf8mb4", collation="utf8mb4_bin")
NAMES = (
    ("symbols", "symbol"),
    ("symbols", "base"),
    ("symbols", "quote"),
    ("lake_objects", "symbol"),
    ("quarantine", "symbol"),
)


def upgrade() -> None:
    """Change only the declared width, for any content; safe to repeat.

    SQLite stores text of any length in a column of any width.
    """
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in NAMES:
        op.alter_column(table, column, type_=NAME, existing_nullable=False)
