"""Fixtures: lakes of each kind, on real servers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crypto_assets.lake import Lake, ObjectInfo, S3Options, open_lake
from crypto_assets_tests.services.s3 import S3Server

LAKE_KINDS = ("directory", "seaweedfs", "rclone")
_SERVERS = {"seaweedfs": "seaweedfs_s3_server", "rclone": "rclone_s3_server"}

MakeLake = Callable[[], Lake]


def list_infos(lake: Lake, prefix: str = "") -> list[ObjectInfo]:
    """Return the info of each listed object."""
    infos = [lake.get_info(entry.key) for entry in lake.list_entries(prefix)]
    return [info for info in infos if info is not None]


def options_of(server: S3Server) -> S3Options:
    return S3Options(server.endpoint, server.access_key, server.secret_key)


def lake_maker(kind: str, request: pytest.FixtureRequest) -> MakeLake:
    """Return a function that opens a new lake of this kind, which does not exist yet."""
    if kind == "directory":
        folder: Path = request.getfixturevalue("tmp_path")
        return lambda: open_lake(str(folder / f"lake-{len(list(folder.iterdir()))}" / "raw"))
    server: S3Server = request.getfixturevalue(_SERVERS[kind])
    return lambda: open_lake(f"s3://{server.bucket_name()}", options_of(server))


@pytest.fixture(params=LAKE_KINDS)
def new_lake(request: pytest.FixtureRequest) -> MakeLake:
    return lake_maker(request.param, request)


@pytest.fixture
def lake(new_lake: MakeLake) -> Lake:
    made = new_lake()
    made.create_storage()
    return made


@pytest.fixture(params=("directory", "seaweedfs"))
def strict_lake(request: pytest.FixtureRequest) -> Lake:
    """A lake that is safe for concurrent writers; rclone's server is not."""
    made = lake_maker(request.param, request)()
    made.create_storage()
    return made
