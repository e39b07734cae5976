"""What a backup consists of: the manifest that completes it."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StoredFile(_Part):
    """A file of the backup's directory; `rows` of a table's part, or of a listing."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    rows: int | None = None


class TableFiles(_Part):
    """A table: its rows in Parquet files, and the statement that creates it where needed."""

    name: str
    files: tuple[StoredFile, ...]
    definition: str | None = None


class WarehouseBackup(_Part):
    """The tables of a warehouse, all as of one moment; `schema_version` is the schema's."""

    schema_version: str
    tables: tuple[TableFiles, ...]


class LakeBackup(_Part):
    """A lake: the exchange and market that it belongs to, and a Parquet listing of its objects.

    The listing has the columns key, sha256, size_bytes, fetched_at, source and rows. Each object is
    a file of its own.
    """

    bucket: str
    exchange: str
    market: str
    listing: StoredFile


class HomeFile(_Part):
    """A file by its path, relative to the home or to Dagster's home."""

    path: str
    file: StoredFile

    @field_validator("path")
    @classmethod
    def _require_inside(cls, path: str) -> str:
        if PurePosixPath(path).is_absolute() or ".." in path.split("/"):
            raise ValueError("must be inside the home")
        return path


class DagsterBackup(_Part):
    """Dagster's storage: the files of its home, and the tables of its database server, if any."""

    files: tuple[HomeFile, ...] = ()
    tables: tuple[TableFiles, ...] = ()


class BackupManifest(_Part):
    """A complete backup; `name` is when it began, UTC, and `version` that of the program."""

    name: str
    version: str
    warehouse: WarehouseBackup
    raw_lake: LakeBackup
    archive_lake: LakeBackup
    dagster: DagsterBackup
    home: tuple[HomeFile, ...]

    def list_files(self) -> Iterator[StoredFile]:
        """Yield the files of the backup, except the objects of the lakes' listings."""
        for table in (*self.warehouse.tables, *self.dagster.tables):
            yield from table.files
        for lake in (self.raw_lake, self.archive_lake):
            yield lake.listing
        for home_file in (*self.dagster.files, *self.home):
            yield home_file.file
