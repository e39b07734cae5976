"""The types of columns: exact decimals where the server has them, REAL on SQLite."""

from decimal import Context, Decimal
from typing import Any

from sqlalchemy import Dialect, Numeric, String
from sqlalchemy.dialects.sqlite import REAL
from sqlalchemy.types import TypeDecorator, TypeEngine

from crypto_assets.market.symbols import MAX_SYMBOL_LENGTH

_WIDE_CONTEXT = Context(prec=65)

# Every decimal of so many digits is held by a double and read back as it was; no more are held.
DOUBLE_DIGITS = 15


def format_stored_double(double: float) -> str:
    """The digits that a double holds; those beyond them were never stored."""
    return f"{double:.{DOUBLE_DIGITS}g}"


class DecimalColumn(TypeDecorator[Decimal]):
    """DECIMAL(precision, scale), given and taken as Decimal.

    SQLite has no decimals: it holds the nearest double, of which `held_text` reads the digits that
    it holds.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(REAL(asdecimal=False))
        return dialect.type_descriptor(Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return float(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        return Decimal(format_stored_double(value)).quantize(
            Decimal(1).scaleb(-self.scale), context=_WIDE_CONTEXT
        )


PRICE_COLUMN = DecimalColumn(20, 8)
VOLUME_COLUMN = DecimalColumn(30, 8)
# A day of minutes, each as large as VOLUME allows, still fits.
VOLUME_SUM_COLUMN = DecimalColumn(38, 8)
# Half of an odd spread has one decimal more than a price.
MID_PRICE_COLUMN = DecimalColumn(21, 9)
RATIO_COLUMN = DecimalColumn(12, 10)

# Four bytes a character, and a MySQL key holds 3072 bytes: bucket and key fit together.
BUCKET_COLUMN = String(250)
KEY_COLUMN = String(500)
# What a symbol or an asset is called. SQLite knows no widths, and a column of it keeps the one that
# it was created with.
NAME_COLUMN = String(MAX_SYMBOL_LENGTH).with_variant(String(20), "sqlite")
