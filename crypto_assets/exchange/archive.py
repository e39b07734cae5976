"""The client of the daily archive: the minutes of a symbol and day in a zip with a checksum.

https://github.com/binance/binance-public-data; layout
`{base}/data/spot/daily/klines/{SYMBOL}/1m/{SYMBOL}-1m-{YYYY-MM-DD}.zip` and `….zip.CHECKSUM`.
Binance US has the same layout in another folder.
"""

import re
from datetime import date
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crypto_assets.errors import ArchiveBroken, ArchiveMissing
from crypto_assets.exchange.identity import detect_identity
from crypto_assets.exchange.response import (
    MAX_ARCHIVE_BYTES,
    MAX_CHECKSUM_BYTES,
    ExchangeResponse,
)
from crypto_assets.exchange.retrying_transport import (
    ExchangeRequest,
    ExchangeTransport,
    RequestRetryPolicy,
)
from crypto_assets.market.raw_klines import (
    KLINE_FIELDS,
    RawKlines,
    raw_klines_from_text_table,
    text_table_from_csv,
)
from crypto_assets.market.utc_time import Window
from crypto_assets.service_waiter import ServiceWaiter
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

_FOLDER = "/data/spot/daily/klines"
_FOLDERS_BY_HOST = {"data.binance.us": "/public_data/spot/daily/klines"}
_CHECKSUM = re.compile(rb"([0-9a-fA-F]{64})\s+\*?(\S+)\s*")
# A flag of a zip entry: its name is UTF-8 instead of code page 437.
_UTF8_FLAG = 0x800
# Each entry in a zip's directory begins so. Packed data may contain a mark by chance.
_ENTRY_MARK = b"PK\x01\x02"
_MAX_ENTRIES = 10
_UNPACK_BYTES = 1 << 20
_DIGITS = b"0123456789.-"
_LINE = b"," * (len(KLINE_FIELDS) - 1) + b"\n"
# Spot files have microseconds from 2025-01-01 on and milliseconds before. A number from here on
# is microseconds: in milliseconds it is the year 5138, in microseconds 1973.
_MICROSECONDS = 100_000_000_000_000


class DailyArchive:
    """Verified files of whole past days. Safe for many threads; uses no request weight."""

    def __init__(
        self,
        base_url: str,
        retry_policy: RequestRetryPolicy | None = None,
        waiter: ServiceWaiter | None = None,
        names: SettingNames = DEFAULT_NAMES,
    ) -> None:
        self._transport = ExchangeTransport(base_url, retry_policy, waiter=waiter, names=names)
        self._folder = _FOLDERS_BY_HOST.get(self._transport.host, _FOLDER)

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    def fetch_identity(self) -> str:
        """Return the identity in the form of `BinanceRest.fetch_identity`."""
        # A static mirror may not list folders.
        return detect_identity(self._transport, f"{self._folder}/", (200, 403, 404))

    def fetch_day(self, symbol: str, day: date) -> RawKlines:
        """Return the day's candles, ascending, in REST's form: 12 fields, times in ms.

        The day may be incomplete. Raises ArchiveMissing where the day is not published,
        ArchiveBroken where its file is damaged, ExchangeUnavailable and ExchangeForbidden.
        """
        name = f"{symbol}-1m-{day}"
        path = f"{self._folder}/{symbol}/1m/{name}.zip"
        content = self._fetch_content(path, MAX_ARCHIVE_BYTES)
        if content is None:
            raise ArchiveMissing(f"{self.base_url}{path} is not published (yet)")
        try:
            checksum = self._fetch_content(f"{path}.CHECKSUM", MAX_CHECKSUM_BYTES)
            _verify_checksum(content, checksum, f"{name}.zip")
            return _parse_day_csv(_unpack_zip(content, f"{name}.csv"), day)
        except ValueError as error:
            raise ArchiveBroken(f"{self.base_url}{path} is broken: {error}") from error

    def _fetch_content(self, path: str, max_bytes: int) -> bytes | None:
        request = ExchangeRequest(path, {}, statuses=(200, 404), max_bytes=max_bytes)
        return self._transport.get(request, _extract_content)


def _extract_content(response: ExchangeResponse) -> bytes | None:
    return response.body if response.status == 200 else None


def _verify_checksum(content: bytes, checksum: bytes | None, name: str) -> None:
    """Raise ValueError unless the checksum file has this name and the content's digest."""
    if checksum is None:
        raise ValueError("it has no CHECKSUM")
    match = _CHECKSUM.fullmatch(checksum)
    if not match:
        raise ValueError(f"its CHECKSUM is malformed: {checksum[:80]!r}")
    if match[2].decode(errors="replace") != name:
        raise ValueError(f"its CHECKSUM is of {match[2]!r}")
    digest = sha256(content).hexdigest()
    if digest != match[1].decode().lower():
        raise ValueError(f"its CHECKSUM is {match[1].decode()}, its sha256 is {digest}")


def _unpack_zip(content: bytes, name: str) -> bytes:
    """Return the zip's only file. Raises ValueError for a damaged or large zip or other members.

    Unpacking stops after the limit, since the size in the zip's directory may be wrong.
    """
    if content.count(_ENTRY_MARK) > _MAX_ENTRIES:
        raise ValueError("it contains many files")
    try:
        with ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
            if (names := [_decode_member_name(member) for member in members]) != [name]:
                raise ValueError(f"it contains {names}, not {name}")
            if members[0].compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
                raise ValueError("it is packed in a way that the exchange does not use")
            unpacked = bytearray()
            with archive.open(members[0]) as file:
                while piece := file.read(_UNPACK_BYTES):
                    unpacked += piece
                    if len(unpacked) > MAX_ARCHIVE_BYTES:
                        raise ValueError(f"it unpacks to more than {MAX_ARCHIVE_BYTES >> 20} MB")
            return bytes(unpacked)
    except (BadZipFile, ZlibError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is not a valid zip ({error})") from error


def _decode_member_name(member: ZipInfo) -> str:
    """Return the name, also where it is UTF-8 and the flag is missing."""
    if member.flag_bits & _UTF8_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def _parse_day_csv(content: bytes, day: date) -> RawKlines:
    """Parse the candles of one UTC day, ascending. Skips a header line.

    Times become milliseconds; decimals stay as they are. Raises ValueError with the position of
    the first error.
    """
    lines = _extract_lines(content)
    _check_fields(lines)
    text = text_table_from_csv(lines)
    for name in ("open_time", "close_time"):
        place = text.schema.get_field_index(name)
        text = text.set_column(place, name, _convert_to_milliseconds(text[name]))
    klines = raw_klines_from_text_table(text)
    _check_order(klines.open_times, day)
    return klines


def _extract_lines(content: bytes) -> bytes:
    """Return the lines of candles, each with its line end."""
    lines = content.replace(b"\r", b"").rstrip(b"\n")
    first, _, rest = lines.partition(b"\n")
    if first[:1].isalpha():
        lines = rest
    if not lines:
        raise ValueError("it contains no candle")
    return lines + b"\n"


def _check_fields(lines: bytes) -> None:
    """Check that each line has 12 fields, all numeric and none empty."""
    shape = lines.translate(None, _DIGITS)
    if shape == _LINE * (len(shape) // len(_LINE)) and not _has_empty_field(lines):
        return
    if invalid := shape.translate(None, b",\n"):
        raise ValueError(f"it contains {invalid[:40]!r} among its numbers")
    for number, line in enumerate(lines.decode("ascii").splitlines(), 1):
        fields = line.split(",")
        if len(fields) != len(KLINE_FIELDS) or "" in fields:
            count = len(KLINE_FIELDS)
            raise ValueError(f"candle {number} does not have {count} fields: {line}"[:300])


def _has_empty_field(lines: bytes) -> bool:
    """Return whether a comma or line end follows another one or comes first."""
    ends = np.frombuffer(lines, np.uint8) <= ord(",")  # digits, points and minus signs are larger
    return bool(ends[0] or (ends[1:] & ends[:-1]).any())


def _convert_to_milliseconds(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert row by row: a file may mix milliseconds and microseconds."""
    micro = pc.greater_equal(times, _MICROSECONDS)
    return pc.if_else(micro, pc.divide(times, 1000), times)


def _check_order(times: NDArray[np.int64], day: date) -> None:
    if (times[1:] <= times[:-1]).any():
        first, second = next((a, b) for a, b in pairwise(times.tolist()) if b <= a)
        raise ValueError(f"its candles are not ascending: {second} after {first}")
    window = Window.of_day(day)
    for time in (int(times[0]), int(times[-1])):
        if time not in window:
            raise ValueError(f"it contains a candle of {time}, outside {day}")
