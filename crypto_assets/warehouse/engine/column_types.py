"""Column types: exact decimals on a server, REAL on SQLite."""

from decimal import Context, Decimal
from typing import Any

from sqlalchemy import Dialect, Numeric, String
from sqlalchemy.dialects.sqlite import REAL
from sqlalchemy.types import TypeDecorator, TypeEngine

from crypto_assets.market.symbols import MAX_SYMBOL_LENGTH

_WIDE_CONTEXT = Context(prec=65)
# A larger number has no exact form with the decimals of a column.
_MAX_EXPONENT = 50

# A decimal of up to 15 digits reads back unchanged from a double; a longer one may not.
DOUBLE_DIGITS = 15


def format_stored_double(double: float) -> str:
    """Format a double with the 15 digits that it stores reliably."""
    return f"{double:.{DOUBLE_DIGITS}g}"


class DecimalColumn(TypeDecorator[Decimal]):
    """DECIMAL(precision, scale), a Decimal in Python.

    SQLite has no decimals: it stores the nearest double, read back by `format_stored_double`.
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
        number = Decimal(format_stored_double(value))
        if not number.is_finite() or number.adjusted() > _MAX_EXPONENT:
            return number  # an earlier version may have stored it
        return number.quantize(Decimal(1).scaleb(-self.scale), context=_WIDE_CONTEXT)


PRICE_COLUMN = DecimalColumn(20, 8)
VOLUME_COLUMN = DecimalColumn(30, 8)
# Fits the sum of a day of minutes, each as large as VOLUME_COLUMN allows.
VOLUME_SUM_COLUMN = DecimalColumn(38, 8)
# The middle between two prices has one decimal more than they have.
MID_PRICE_COLUMN = DecimalColumn(21, 9)
RATIO_COLUMN = DecimalColumn(12, 10)

# A key of MySQL has 3,072 bytes at most, and a character 4: bucket and key fit in one together.
BUCKET_COLUMN = String(250)
KEY_COLUMN = String(500)
# The name of a symbol or an asset. SQLite ignores the width, and its columns keep the one that they
# were created with.
NAME_COLUMN = String(MAX_SYMBOL_LENGTH).with_variant(String(20), "sqlite")
