"""Create an index that finds the quarantined rows of an object, to move them with it."""

from alembic import op
from sqlalchemy import Column, Index, MetaData, String, Table

revision = "0004"
down_revision = "0003"

_QUARANTINE = Table(
    "quarantine", MetaData(), Column("bucket", String(250)), Column("key", String(500))
)
OF_OBJECT = Index("ix_quarantine_object", _QUARANTINE.c.bucket, _QUARANTINE.c.key)


def upgrade() -> None:
    """Create what is missing, so that the next run completes an interrupted one."""
    OF_OBJECT.create(op.get_bind(), checkfirst=True)
