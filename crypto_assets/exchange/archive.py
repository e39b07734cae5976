"""The daily archive: one symbol's minutes of one day, a zip beside its checksum.

https://github.com/binance/binance-public-data; layout
`{base}/data/spot/daily/klines/{SYMBOL}/1m/{SYMBOL}-1m-{YYYY-MM-DD}.zip` and `….zip.CHECKSUM`.
"""

import re
from datetime import date
from hashlib import sha256
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

from crypto_assets.errors import ArchiveBroken, ArchiveMissing
from crypto_assets.exchange.archive_csv import parse_day_csv
from crypto_assets.exchange.identity import detect_identity
from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.exchange.transport import ExchangeRequest, ExchangeTransport, RequestRetryPolicy
from crypto_assets.market.raw_klines import RawKlines

_FOLDER = "/data/spot/daily/klines"
_CHECKSUM = re.compile(rb"([0-9a-fA-F]{64})\s+\*?(\S+)\s*")
# Of a zip's entry: its name is UTF-8, and not the code page 437 of old.
_UTF8_FLAG = 0x800
_LARGEST_BYTES = 16 * 1024 * 1024  # unpacked; a day of minutes has 200 KB


class DailyArchive:
    """Whole past days, verified. Safe for many threads; costs no request weight."""

    def __init__(self, base_url: str, patience: RequestRetryPolicy | None = None) -> None:
        self._transport = ExchangeTransport(base_url, patience)

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    def fetch_identity(self) -> str:
        """Whose archive this is, in the words of `BinanceRest.identity`."""
        # A static mirror may refuse to list a folder.
        return detect_identity(self._transport, f"{_FOLDER}/", (200, 403, 404))

    def fetch_day(self, symbol: str, day: date) -> RawKlines:
        """The day's candles, ascending, as REST would give them: 12 fields, times in ms.

        A short day is not judged here. Raises ArchiveMissing where the day is not published,
        ArchiveBroken saying what is wrong with it, ExchangeUnavailable, Forbidden.
        """
        name = f"{symbol}-1m-{day}"
        path = f"{_FOLDER}/{symbol}/1m/{name}.zip"
        content = self._fetch_content(path)
        if content is None:
            raise ArchiveMissing(f"{self.base_url}{path} is not published (yet)")
        try:
            _verify_checksum(content, self._fetch_content(f"{path}.CHECKSUM"), f"{name}.zip")
            return parse_day_csv(_unpack_zip(content, f"{name}.csv"), day)
        except ValueError as error:
            raise ArchiveBroken(f"{self.base_url}{path} is broken: {error}") from error

    def _fetch_content(self, path: str) -> bytes | None:
        return self._transport.get(ExchangeRequest(path, {}, statuses=(200, 404)), _extract_content)


def _extract_content(answer: ExchangeResponse) -> bytes | None:
    return answer.body if answer.status == 200 else None


def _verify_checksum(content: bytes, checksum: bytes | None, name: str) -> None:
    """Raises ValueError unless the checksum file is of this name and content."""
    if checksum is None:
        raise ValueError("it has no CHECKSUM")
    match = _CHECKSUM.fullmatch(checksum)
    if not match:
        raise ValueError(f"its CHECKSUM is none: {checksum[:80]!r}")
    if match[2].decode(errors="replace") != name:
        raise ValueError(f"its CHECKSUM is of {match[2]!r}")
    found = sha256(content).hexdigest()
    if found != match[1].decode().lower():
        raise ValueError(f"its CHECKSUM says {match[1].decode()}, its sha256 is {found}")


def _unpack_zip(content: bytes, name: str) -> bytes:
    """The zip's one file. Raises ValueError where it is no zip or holds anything else."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
            if (names := [_decode_member_name(member) for member in members]) != [name]:
                raise ValueError(f"it holds {names}, not {name}")
            if members[0].file_size > _LARGEST_BYTES:
                raise ValueError(f"it unpacks to {members[0].file_size} bytes")
            return archive.read(members[0])
    except (BadZipFile, ZlibError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is no sound zip ({error})") from error


def _decode_member_name(member: ZipInfo) -> str:
    """Its name, also where it is written in UTF-8 without the flag that says so."""
    if member.flag_bits & _UTF8_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename
