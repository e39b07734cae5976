"""Apply flaws to archive files: to the candles, the zip and the checksum."""

import hashlib
import io
import zipfile
from collections.abc import Iterable

from crypto_assets.exchange.simulated.faults.content_flaws import apply_row_flaw
from crypto_assets.exchange.simulated.faults.rules import ArchiveRule, ContentFlaw, FileFlaw
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS

_HEADER = (
    b"open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    b"taker_buy_volume,taker_buy_quote_volume,ignore\n"
)

ArchiveRules = tuple[ArchiveRule, ...]


def get_publication_delay_ms(flaws: ArchiveRules, usual: int) -> int | None:
    """Return the delay in ms after the day's end, or None if the file never appears."""
    if has_flaw(flaws, FileFlaw.MISSING):
        return None
    late = [int(rule.hours * HOUR_MS) for rule in flaws if rule.how is FileFlaw.LATE]
    return max(late, default=usual)


def has_flaw(flaws: ArchiveRules, how: FileFlaw) -> bool:
    return any(rule.how is how for rule in flaws)


def choose_content_symbol(flaws: ArchiveRules, symbol: str) -> str:
    """Return the symbol whose candles the file contains."""
    others = [rule.other for rule in flaws if rule.how is FileFlaw.WRONG_SYMBOL and rule.other]
    return (others or [symbol])[0]


def count_kept_rows(flaws: ArchiveRules, count: int) -> int:
    shares = [rule.keep for rule in flaws if rule.how is FileFlaw.SHORT]
    return int(count * min(shares, default=1))


def uses_microseconds(flaws: ArchiveRules, usual: bool) -> bool:
    if has_flaw(flaws, FileFlaw.MICROSECONDS):
        return True
    return usual and not has_flaw(flaws, FileFlaw.MILLISECONDS)


def apply_csv_flaws(flaws: ArchiveRules, content: bytes, micro: bool) -> bytes:
    if has_flaw(flaws, FileFlaw.EMPTY):
        return b""
    for rule in flaws:
        if isinstance(rule.how, ContentFlaw):
            day = DAY_MS * 1000 if micro else DAY_MS
            rows = apply_row_flaw(_parse_csv_rows(content), rule.how, rule.row, day)
            content = _join_csv_rows(rows) if isinstance(rows, list) else b"{}\n"
    return _HEADER + content if has_flaw(flaws, FileFlaw.HEADER_ROW) else content


def _parse_csv_rows(content: bytes) -> list[KlineRow]:
    return [list(line.split(",")) for line in content.decode().splitlines()]


def _join_csv_rows(rows: Iterable[KlineRow]) -> bytes:
    lines = (",".join("" if value is None else str(value) for value in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def apply_zip_flaws(flaws: ArchiveRules, content: bytes) -> bytes:
    """Return the content of the zip file before its checksum is computed."""
    if has_flaw(flaws, FileFlaw.NO_BYTES):
        return b""
    if has_flaw(flaws, FileFlaw.NO_ZIP):
        return content[::-1]
    if has_flaw(flaws, FileFlaw.NO_MEMBER):
        empty = io.BytesIO()
        zipfile.ZipFile(empty, "w").close()
        return empty.getvalue()
    return content


def corrupt_zip(flaws: ArchiveRules, content: bytes) -> bytes:
    """Return the zip as sent, after its checksum was computed."""
    if not has_flaw(flaws, FileFlaw.CORRUPT):
        return content
    middle = len(content) // 2
    wrong = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    return content[:middle] + wrong + content[middle + 64 :]


def compute_checksum_digest(flaws: ArchiveRules, content: bytes) -> str | None:
    """Return the hexadecimal SHA-256 of the CHECKSUM file, or None without that file."""
    if has_flaw(flaws, FileFlaw.NO_CHECKSUM):
        return None
    wrong = b"?" if has_flaw(flaws, FileFlaw.WRONG_CHECKSUM) else b""
    return hashlib.sha256(content + wrong).hexdigest()
