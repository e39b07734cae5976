"""An index by which the quarantined rows of an object are found, and follow it when it moves."""

from alembic import op
from sqlalchemy import Column, Index, MetaData, String, Table

revision = "0004"
down_revision = "0003"

_QUARANTINE = Table(
    "quarantine", MetaData(), Column("bucket", String(250)), Column("key", String(500))
)
OF_OBJECT = Index("ix_quarantine_object", _QUARANTINE.c.bucket, _QUARANTINE.c.key)


def upgrade() -> None:
    """Creates what is missing, so that a half-done run is completed by the next."""
    OF_OBJECT.create(op.get_bind(), checkfirst=True)
