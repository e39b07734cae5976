"""How a revised candle differs from the one that was published first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BeforeValidator

from crypto_assets.market.candles import CANDLE_SCHEMA

_CHANGE = re.compile(r"(?P<sign>[=+*-])(?P<value>-?[0-9]+(\.[0-9]+)?)")
_EIGHTH = Decimal("1E-8")


@dataclass(frozen=True)
class Change:
    """A column and what becomes of its values: `=` set, `+` `-` `*` computed with `value`."""

    column: str
    sign: str
    value: Decimal

    def __call__(self, old: Decimal | int) -> Decimal | int:
        new = {
            "=": lambda: self.value,
            "+": lambda: old + self.value,
            "-": lambda: old - self.value,
            "*": lambda: old * self.value,
        }[self.sign]()
        return int(new) if isinstance(old, int) else new.quantize(_EIGHTH, ROUND_HALF_EVEN)


def _read(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return tuple(_change(str(column), str(text)) for column, text in value.items())


def _change(column: str, text: str) -> Change:
    match = _CHANGE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no change: write =1.5, +1.5, -1.5 or *1.5")
    if column not in CANDLE_SCHEMA.names:
        raise ValueError(f"{column!r} is no column of a candle")
    return Change(column, match["sign"], Decimal(match["value"]))


Changes = Annotated[tuple[Change, ...], BeforeValidator(_read)]

DOUBLED_VOLUME: Changes = (_change("volume", "*2"), _change("quote_volume", "*2"))


def changed(candles: pa.Table, changes: Changes) -> pa.Table:
    """All rows of CANDLE_SCHEMA with the changes made."""
    for change in changes:
        index = CANDLE_SCHEMA.get_field_index(change.column)
        values: list[Any] = [change(value) for value in candles[index].to_pylist()]
        candles = candles.set_column(
            index, CANDLE_SCHEMA.field(index), pa.array(values, CANDLE_SCHEMA.field(index).type)
        )
    return candles
