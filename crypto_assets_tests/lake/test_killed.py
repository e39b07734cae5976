"""A writer killed with -9 in the midst of a put leaves whole objects under its keys, or none."""

import subprocess
import sys
import time
from dataclasses import astuple

import pytest

from crypto_assets.lake import S3Options, count_rows, open_lake
from crypto_assets_tests.lake.conftest import BODIES, lake_maker, options_of
from crypto_assets_tests.services.s3 import S3Server

SIZE = 8_000_000  # long enough in the writing to be hit
KILLS = 3

WRITER = f"""
import sys
from crypto_assets.lake import S3Options, open_lake
from crypto_assets.market.lake_object import Source
url, *options = sys.argv[1:]
lake = open_lake(url, S3Options(*options))
body = b'["' + b"x" * {SIZE - 4} + b'"]'
print("ready", flush=True)
for n in range(1_000):
    key = f"2025-01-01/A_depth_{{1735689600000 + n % 3}}.json"
    lake.put(key, body, fetched_at=1, source=Source.REST, rows=1)
    print(n, flush=True)
"""


@pytest.mark.parametrize("body", BODIES)
def test_no_half_object_stands_under_a_key(body: str, request: pytest.FixtureRequest) -> None:
    lake = lake_maker(body, request)()
    lake.create_storage()
    options: tuple[str | None, ...] = ()
    if body != "directory":
        name = "s3_server" if body == "seaweedfs" else "rclone_s3_server"
        server: S3Server = request.getfixturevalue(name)
        options = astuple(options_of(server))[:3]
    for kill in range(KILLS):
        command = [sys.executable, "-c", WRITER, lake.url, *(text or "" for text in options)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(2 + kill):
                writer.stdout.readline()
            time.sleep(0.01 * kill)
            writer.kill()
        found = list(open_lake(lake.url, S3Options(*options)).list_with_info())
        assert found
        for info in found:
            body_read = lake.get(info.key)
            assert (info.size_bytes, len(body_read), count_rows(body_read)) == (SIZE, SIZE, 1)
