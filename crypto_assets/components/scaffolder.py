"""Writes the YAML file of a market: `dg scaffold defs crypto_assets.components.ExchangeCandles`."""

import re

import dagster as dg
from pydantic import BaseModel, Field

from crypto_assets.errors import WrongUse

# The name of a market.
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
_TEMPLATE = """\
# A further market. Everything that it defines in Dagster begins with its name; it keeps its candles
# in its own lake and warehouse. `dg check yaml` checks this file.
type: {type_name}

attributes:
  name: {name}
  # An exchange with Binance's REST API, and the daily archive of the same exchange.
  exchange: {exchange}
  archive: {archive}
  # A symbol that leaves this list is untracked and keeps its data.
  symbols: [{symbols}]
  # All three are stored; every other interval is computed from them.
  intervals: [1m, 1h, 1d]
  # day or month. It cannot be changed once data is stored.
  partition_unit: day
  start_date: "{start_date}"
  # By default, the lake and a SQLite warehouse are in CRYPTO_HOME/markets/{name}.
  # Other stores: a directory, s3://bucket, or an environment variable, which an address with a
  # password needs. List the variables under `requirements`.
  # lake_raw: s3://{bucket}-raw
  # lake_archive: s3://{bucket}-archive
  # warehouse: "{{{{ env.{variable}_WAREHOUSE_URL }}}}"

# requirements:
#   env: [{variable}_WAREHOUSE_URL]
"""


class ExchangeCandlesParams(BaseModel):
    """The options of `dg scaffold defs`."""

    exchange: str = Field(
        default="https://api.binance.us", description="Base URL of the exchange's REST API."
    )
    archive: str = Field(
        default="https://data.binance.us", description="Base URL of its daily archive."
    )
    symbols: str = Field(default="BTCUSDT,ETHUSDT", description="Symbols, separated by commas.")
    start_date: str = Field(default="2025-01-01", description="First UTC day with partitions.")


class ExchangeCandlesScaffolder(dg.Scaffolder[ExchangeCandlesParams]):
    """Writes a `defs.yaml` with comments, which is valid as it is."""

    @classmethod
    def get_scaffold_params(cls) -> type[ExchangeCandlesParams]:
        """Return the options of `dg scaffold defs`."""
        return ExchangeCandlesParams

    def scaffold(self, request: dg.ScaffoldRequest[ExchangeCandlesParams]) -> None:
        """Write the file into the folder of the request, whose name becomes the market's."""
        if request.scaffold_format != "yaml" or request.append:
            raise WrongUse("the component ExchangeCandles is configured by a defs.yaml of its own")
        folder = request.target_path.name
        name = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")
        if not re.fullmatch(NAME_PATTERN, name):
            raise WrongUse(
                f"the folder {folder!r} gives no name for a market: begin it with a letter from a "
                "to z, and use 40 characters at most"
            )
        symbols = [text.strip() for text in request.params.symbols.split(",") if text.strip()]
        (request.target_path / "defs.yaml").write_text(
            _TEMPLATE.format(
                type_name=request.type_name,
                name=name,
                exchange=request.params.exchange,
                archive=request.params.archive,
                symbols=", ".join(symbols),
                start_date=request.params.start_date,
                bucket=name.replace("_", "-"),
                variable=name.upper(),
            ),
            encoding="utf-8",
        )
