"""Day files with flaws: what a rule makes of the candles, of the zip and of its checksum."""

import hashlib
import io
import zipfile
from collections.abc import Iterable

from crypto_assets.exchange.simulated.faults.content_flaws import spoiled_rows
from crypto_assets.exchange.simulated.faults.flaw_types import FileFlaw, Spoilage
from crypto_assets.exchange.simulated.faults.rules import Archive
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS

_HEADER = (
    b"open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    b"taker_buy_volume,taker_buy_quote_volume,ignore\n"
)

Flaws = tuple[Archive, ...]


def delay_ms(flaws: Flaws, usual: int) -> int | None:
    """How long after the day's end the file appears; None where it never does."""
    if has(flaws, FileFlaw.MISSING):
        return None
    late = [int(rule.hours * HOUR_MS) for rule in flaws if rule.how is FileFlaw.LATE]
    return max(late, default=usual)


def has(flaws: Flaws, how: FileFlaw) -> bool:
    return any(rule.how is how for rule in flaws)


def contents_of(flaws: Flaws, symbol: str) -> str:
    """The symbol whose candles the file holds."""
    others = [rule.other for rule in flaws if rule.how is FileFlaw.WRONG_SYMBOL and rule.other]
    return (others or [symbol])[0]


def rows_kept(flaws: Flaws, count: int) -> int:
    shares = [rule.keep for rule in flaws if rule.how is FileFlaw.SHORT]
    return int(count * min(shares, default=1))


def in_microseconds(flaws: Flaws, usual: bool) -> bool:
    if has(flaws, FileFlaw.MICROSECONDS):
        return True
    return usual and not has(flaws, FileFlaw.MILLISECONDS)


def flawed_csv(flaws: Flaws, content: bytes, micro: bool) -> bytes:
    if has(flaws, FileFlaw.EMPTY):
        return b""
    for rule in flaws:
        if isinstance(rule.how, Spoilage):
            day = DAY_MS * 1000 if micro else DAY_MS
            rows = spoiled_rows(_rows(content), rule.how, rule.row, day)
            content = _lines(rows) if isinstance(rows, list) else b"{}\n"
    return _HEADER + content if has(flaws, FileFlaw.HEADER_ROW) else content


def _rows(content: bytes) -> list[KlineRow]:
    return [list(line.split(",")) for line in content.decode().splitlines()]


def _lines(rows: Iterable[KlineRow]) -> bytes:
    lines = (",".join("" if value is None else str(value) for value in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def flawed_zip(flaws: Flaws, content: bytes) -> bytes:
    """What lies in the archive under the zip's name, before its checksum is taken."""
    if has(flaws, FileFlaw.NO_BYTES):
        return b""
    if has(flaws, FileFlaw.NO_ZIP):
        return content[::-1]
    if has(flaws, FileFlaw.NO_MEMBER):
        empty = io.BytesIO()
        zipfile.ZipFile(empty, "w").close()
        return empty.getvalue()
    return content


def damaged(flaws: Flaws, content: bytes) -> bytes:
    """The zip as it is sent, after its checksum was taken."""
    if not has(flaws, FileFlaw.CORRUPT):
        return content
    middle = len(content) // 2
    wrong = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    return content[:middle] + wrong + content[middle + 64 :]


def digest(flaws: Flaws, content: bytes) -> str | None:
    """The hexadecimal SHA-256 in the CHECKSUM file; None where there is no such file."""
    if has(flaws, FileFlaw.NO_CHECKSUM):
        return None
    wrong = b"?" if has(flaws, FileFlaw.WRONG_CHECKSUM) else b""
    return hashlib.sha256(content + wrong).hexdigest()
