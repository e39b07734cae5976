"""The raw lake: one interface for a directory and an S3 bucket.

lake = open_lake("s3://crypto-raw", S3Options(endpoint_url="http://127.0.0.1:9000"))
item, body = build_klines_object(lake.bucket, "BTCUSDT", klines, Source.REST, fetched_at)
lake.put(item.key, body, fetched_at=fetched_at, source=item.source, rows=item.rows)
"""

import re
from pathlib import Path

from crypto_assets.addresses import redact_address
from crypto_assets.errors import WrongUse
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.lake.interface import Lake, LakeEntry, ObjectInfo, S3Options
from crypto_assets.lake.object_codec import (
    build_depth_object,
    build_klines_object,
    count_rows,
    decode_depth,
    decode_klines,
    describe_object,
    encode_klines,
)
from crypto_assets.lake.object_keys import (
    KeyParts,
    build_depth_key,
    build_klines_key,
    day_prefix,
    parse_key,
    symbol_prefix,
)
from crypto_assets.lake.waiting_lake import WaitingLake
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

__all__ = [
    "KeyParts",
    "Lake",
    "LakeEntry",
    "ObjectInfo",
    "S3Options",
    "WaitingLake",
    "build_depth_key",
    "build_depth_object",
    "build_klines_key",
    "build_klines_object",
    "count_rows",
    "day_prefix",
    "decode_depth",
    "decode_klines",
    "describe_object",
    "encode_klines",
    "open_lake",
    "parse_key",
    "symbol_prefix",
]

_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?")


def open_lake(url: str, s3: S3Options | None = None, names: SettingNames = DEFAULT_NAMES) -> Lake:
    """Return the lake at `url`, `s3://bucket` or the path of a directory, which need not exist.

    Messages give the advice of `names`. Raises WrongUse for any other URL.
    """
    bucket = _BUCKET.fullmatch(url)
    if bucket:
        # Importing boto3 takes a quarter of a second, which no process without S3 has to spend.
        from crypto_assets.lake.s3_lake import S3Lake

        return S3Lake(bucket[1], s3 or S3Options(), names)
    if not url or "://" in url:
        raise WrongUse(
            f"{redact_address(url)!r} is not a lake: use s3://bucket "
            "(3 to 63 of a-z, 0-9, - and .; no folder) or a directory"
        )
    return DirectoryLake(Path(url), names)
