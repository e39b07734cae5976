"""What messages call the settings of a market, so that the user changes the right ones."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class SettingNames:
    """The names of a market's settings in messages, and advice that differs between markets.

    The settings of the default market are environment variables, those of a further market are
    attributes of its YAML file.
    """

    exchange_url: str = "CRYPTO_EXCHANGE_URL"
    archive_url: str = "CRYPTO_ARCHIVE_URL"
    symbols: str = "CRYPTO_SYMBOLS"
    start_date: str = "CRYPTO_START_DATE"
    partition_unit: str = "CRYPTO_PARTITION_UNIT"
    lake_raw_url: str = "CRYPTO_LAKE_RAW_URL"
    lake_archive_url: str = "CRYPTO_LAKE_ARCHIVE_URL"
    warehouse_url: str = "CRYPTO_WAREHOUSE_URL"
    add_symbol: str = "add it to CRYPTO_SYMBOLS and run `crypto-assets init`"
    other_stores: str = "set another CRYPTO_HOME or lake"
    initialize: str = "run `crypto-assets init`"
    restore_lake: str = "run `crypto-assets init`"

    @classmethod
    def for_market(cls, market: str) -> Self:
        """Return the names of a further market's settings, or those of the default market ("")."""
        if not market:
            return cls()
        names = {field: f"`{name}` of the market {market}" for field, name in ATTRIBUTES.items()}
        return cls(
            **names,
            add_symbol=f"add it to {names['symbols']}",
            other_stores=f"set other stores in the YAML file of the market {market}",
            initialize=f"turn on the sensor {market}_symbols, which creates it",
            restore_lake="restore it, or create it without objects",
        )

    def get_name(self, field: str) -> str:
        """Return the name of a setting by its field: a variable if all markets share it."""
        return str(getattr(self, field, f"CRYPTO_{field.upper()}"))


DEFAULT_NAMES = SettingNames()

# The attributes of the component `ExchangeCandles`, by the fields of the settings.
ATTRIBUTES = {
    "exchange_url": "exchange",
    "archive_url": "archive",
    "symbols": "symbols",
    "start_date": "start_date",
    "partition_unit": "partition_unit",
    "lake_raw_url": "lake_raw",
    "lake_archive_url": "lake_archive",
    "warehouse_url": "warehouse",
}
