"""The changes of a revised candle."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BeforeValidator

from crypto_assets.exchange.simulated.decimals import DECIMAL_STEP
from crypto_assets.market.candles import CANDLE_SCHEMA

_CHANGE = re.compile(r"(?P<sign>[=+*-])(?P<value>-?[0-9]+(\.[0-9]+)?)")


@dataclass(frozen=True)
class ValueChange:
    """A change of a column: `=` sets `value`; `+`, `-` and `*` compute with it."""

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
        return int(new) if isinstance(old, int) else new.quantize(DECIMAL_STEP, ROUND_HALF_EVEN)


def _parse_changes(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return tuple(_parse_change(str(column), str(text)) for column, text in value.items())


def _parse_change(column: str, text: str) -> ValueChange:
    match = _CHANGE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a valid change: write =1.5, +1.5, -1.5 or *1.5")
    if column not in CANDLE_SCHEMA.names:
        raise ValueError(f"{column!r} is not a column of a candle")
    return ValueChange(column, match["sign"], Decimal(match["value"]))


ValueChanges = Annotated[tuple[ValueChange, ...], BeforeValidator(_parse_changes)]

DOUBLED_VOLUME: ValueChanges = (_parse_change("volume", "*2"), _parse_change("quote_volume", "*2"))


def apply_changes(candles: pa.Table, changes: ValueChanges) -> pa.Table:
    """Apply the changes to all rows of CANDLE_SCHEMA."""
    for change in changes:
        index = CANDLE_SCHEMA.get_field_index(change.column)
        values: list[Any] = [change(value) for value in candles[index].to_pylist()]
        candles = candles.set_column(
            index, CANDLE_SCHEMA.field(index), pa.array(values, CANDLE_SCHEMA.field(index).type)
        )
    return candles
