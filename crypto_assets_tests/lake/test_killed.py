"""A writer killed during a put leaves complete objects, or none."""

import subprocess
import sys
import time
from dataclasses import astuple

import pytest

from crypto_assets.lake import S3Options, count_rows, open_lake
from crypto_assets_tests.lake.conftest import LAKE_KINDS, lake_maker, list_infos, options_of
from crypto_assets_tests.services.s3 import S3Server

SIZE = 8_000_000  # large enough for a kill during the write
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


@pytest.mark.parametrize("kind", LAKE_KINDS)
def test_no_key_has_a_partial_object(kind: str, request: pytest.FixtureRequest) -> None:
    lake = lake_maker(kind, request)()
    lake.create_storage()
    options: tuple[str | None, ...] = ()
    if kind != "directory":
        name = f"{kind}_s3_server"
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
        found = list_infos(open_lake(lake.url, S3Options(*options)))
        assert found
        for info in found:
            body_read = lake.get(info.key)
            assert (info.size_bytes, len(body_read), count_rows(body_read)) == (SIZE, SIZE, 1)
