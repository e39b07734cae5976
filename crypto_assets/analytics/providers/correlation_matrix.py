"""Correlation matrix: how alike any two of many symbols move."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.returns import log_returns
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import parse_symbol


class CorrelationMatrixParams(Params):
    symbols: tuple[str, ...] = Field(
        (), max_length=50, description="which ones, by commas; none: every tracked symbol"
    )

    @field_validator("symbols", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        """`A,B`, a list, or, as a query has it, a list of such texts."""
        texts = [value] if isinstance(value, str) else value
        return ",".join(map(str, texts)).split(",") if isinstance(texts, list | tuple) else value

    @field_validator("symbols")
    @classmethod
    def _parse_symbols(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(parse_symbol(text) for text in value if text.strip()))

    def companions(self) -> tuple[str, ...] | None:
        return self.symbols or None


@dataclass(frozen=True)
class CorrelationMatrix:
    """`matrix[i][j]` is the correlation of `symbols[i]` and `symbols[j]`, NaN where undefined;
    `pairs[i][j]` how many returns both had."""

    symbols: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    pairs: tuple[tuple[int, ...], ...]


@provider(title="Correlation matrix", panel=Panel.ALONE, reads=("close",))
def correlation_matrix(
    companions: Mapping[str, pd.DataFrame], interval: Interval, params: CorrelationMatrixParams
) -> CorrelationMatrix:
    """Pearson's correlation of log returns, each symbol with each, over the candles given.

    Returns are taken between neighbouring candles of the interval: one beside a candle that a
    symbol lacks, or over a hole of them all, does not count in its pairs. Fewer than three common
    returns, or a price that did not move, have no correlation.
    Source: K. Pearson, 1895; pandas, DataFrame.corr.
    """
    symbols = tuple(companions)
    closes = pd.DataFrame({name: frame["close"] for name, frame in companions.items()})
    returns = log_returns(closes.sort_index(), interval)
    present = returns.notna().to_numpy().astype(int)
    values = returns.corr(min_periods=3).to_numpy()
    return CorrelationMatrix(
        symbols,
        matrix=tuple(map(tuple, np.clip(values, -1, 1).tolist())),
        pairs=tuple(map(tuple, (present.T @ present).tolist())),
    )
