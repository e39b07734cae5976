"""Widen every name of a symbol or an asset to the 50 characters that the exchange allows."""

from alembic import op
from sqlalchemy.dialects.mysql import VARCHAR

revision = "0006"
down_revision = "0005"

# In code points, and told apart by each of them: no two symbols are equal to the server.
NAME = VARCHAR(50, charset="utf8mb4", collation="utf8mb4_bin")
NAMES = (
    ("symbols", "symbol"),
    ("symbols", "base"),
    ("symbols", "quote"),
    ("lake_objects", "symbol"),
    ("quarantine", "symbol"),
)


def upgrade() -> None:
    """Change the declared width alone, whatever the table holds; repeating it does no harm.

    SQLite holds text of any length in a column of any width.
    """
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in NAMES:
        op.alter_column(table, column, type_=NAME, existing_nullable=False)
