"""A directory lake on a share without fsync or file locks works and warns once."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from crypto_assets.lake import open_lake
from crypto_assets_tests.services.share import refusing

KEY = "2025-01-01/BTCUSDT_klines_1735689600000-1735689660000_rest.json"
WRITERS = 4
PUTS = 1000

# Argument: the lake, then JSON of rows and fetch times to put one after the other.
WRITER = f"""
import json, logging, sys
from crypto_assets.lake import directory_lake, open_lake
from crypto_assets.market.lake_object import Source
logging.basicConfig(format="%(message)s")
directory_lake._ABANDONED_LOCK_SECONDS = 1.0
lake = open_lake(sys.argv[1])
lake.create_storage()
lake.check_writable()
lake.claim_for_exchange("binance")
most = 0
for rows, fetched_at in json.loads(sys.argv[2]):
    body = json.dumps([[n] for n in range(rows)]).encode()
    lake.put({KEY!r}, body, fetched_at=fetched_at, source=Source.REST, rows=rows)
    most = max(most, rows)
    assert len(json.loads(lake.get({KEY!r}))) >= most
assert lake.get_owner() == "binance"
"""


def start(lake: Path, puts: list[tuple[int, int]], calls: Mapping[str, str]) -> "Writer":
    command = refusing(calls, sys.executable, "-c", WRITER, str(lake), json.dumps(puts))
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


Writer = subprocess.Popen[str]


def warnings_of(writer: Writer) -> list[str]:
    _, errors = writer.communicate(timeout=120)
    assert writer.returncode == 0, errors
    return errors.splitlines()


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ({"fsync": "EINVAL"}, ["fsync: Invalid argument"]),
        ({"fsync": "ENOTSUP"}, ["fsync: Operation not supported"]),
        ({"flock": "ENOLCK"}, ["flock: No locks available"]),
        ({"flock": "ENOTSUP"}, ["flock: Operation not supported"]),
        (
            {"flock": "EINVAL", "fsync": "EINVAL", "link": "EPERM", "linkat": "EPERM"},
            ["fsync: Invalid argument", "flock: Invalid argument"],
        ),
    ],
)
def test_it_works_and_warns_once(
    calls: Mapping[str, str], expected: list[str], tmp_path: Path
) -> None:
    place = tmp_path / "share" / "raw"
    lines = warnings_of(start(place, [(1, 1), (3, 1), (2, 9), (3, 2)], calls))
    assert len(lines) == len(expected)
    for line, part in zip(lines, expected, strict=True):
        assert part in line and str(place) in line
    lake = open_lake(str(place))
    info = lake.get_info(KEY)
    assert info is not None and info.fetched_at == 2
    assert lake.get(KEY) == b"[[0], [1], [2]]"
    assert not (place / ".incoming" / ".locked").exists()


def test_a_call_that_fails_for_another_reason_is_an_error(tmp_path: Path) -> None:
    writer = start(tmp_path / "raw", [(1, 1)], {"fsync": "EIO"})
    _, errors = writer.communicate(timeout=120)
    assert "LakeRefused: cannot create the lake" in errors and "Input/output error" in errors


def test_of_concurrent_writers_without_locks_the_one_with_most_rows_wins(tmp_path: Path) -> None:
    """After each put, a writer reads at least as many rows as it has put so far."""
    place = tmp_path / "raw"
    puts = [(rows, 1) for rows in range(1, PUTS)]
    writers = [start(place, puts, {"flock": "ENOLCK"}) for _ in range(WRITERS)]
    for writer in writers:
        warnings_of(writer)
    assert len(json.loads(open_lake(str(place)).get(KEY))) == PUTS - 1


def test_a_killed_writers_lock_file_gives_way(tmp_path: Path) -> None:
    place = tmp_path / "raw"
    open_lake(str(place)).create_storage()
    (place / ".incoming" / ".locked").touch()
    warnings_of(start(place, [(1, 1), (2, 1)], {"flock": "ENOLCK"}))
    assert open_lake(str(place)).get(KEY) == b"[[0], [1]]"
    assert not (place / ".incoming" / ".locked").exists()
