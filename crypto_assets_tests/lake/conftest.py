"""Fixtures: a lake of each kind, on real servers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crypto_assets.lake import Lake, S3Options, open_lake
from crypto_assets_tests.services.s3 import S3Server

BODIES = ("directory", "seaweedfs", "rclone")
_SERVERS = {"seaweedfs": "s3_server", "rclone": "rclone_s3_server"}

MakeLake = Callable[[], Lake]


def options_of(server: S3Server) -> S3Options:
    return S3Options(server.endpoint, server.access_key, server.secret_key)


def lake_maker(body: str, request: pytest.FixtureRequest) -> MakeLake:
    """A function that names a new lake of this body, which nobody has created yet."""
    if body == "directory":
        folder: Path = request.getfixturevalue("tmp_path")
        return lambda: open_lake(str(folder / f"lake-{len(list(folder.iterdir()))}" / "raw"))
    server: S3Server = request.getfixturevalue(_SERVERS[body])
    return lambda: open_lake(f"s3://{server.bucket_name()}", options_of(server))


@pytest.fixture(params=BODIES)
def new_lake(request: pytest.FixtureRequest) -> MakeLake:
    return lake_maker(request.param, request)


@pytest.fixture
def lake(new_lake: MakeLake) -> Lake:
    made = new_lake()
    made.create_storage()
    return made


@pytest.fixture(params=("directory", "seaweedfs"))
def strict_lake(request: pytest.FixtureRequest) -> Lake:
    """A lake that decides between two writers of one moment; rclone's server cannot."""
    made = lake_maker(request.param, request)()
    made.create_storage()
    return made
