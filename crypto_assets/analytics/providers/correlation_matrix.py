"""Correlation matrix: how similarly the prices of each two of several symbols move."""

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
        (), max_length=50, description="comma-separated symbols; default: all tracked symbols"
    )

    @field_validator("symbols", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        """Accept `A,B`, a list of symbols, or, from a query string, a list of such texts."""
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
    """Correlations of all pairs of symbols.

    `matrix[i][j]` is the correlation of `symbols[i]` and `symbols[j]`, NaN if undefined;
    `pairs[i][j]` is how many returns they have in common.
    """

    symbols: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    pairs: tuple[tuple[int, ...], ...]


@provider(title="Correlation matrix", panel=Panel.ALONE, reads=("close",))
def correlation_matrix(
    companions: Mapping[str, pd.DataFrame], interval: Interval, params: CorrelationMatrixParams
) -> CorrelationMatrix:
    """Pearson correlation of log returns of each pair of symbols, over the requested candles.

    Returns are computed between consecutive candles; a pair counts only those that both symbols
    have. Undefined with fewer than three common returns or a constant price.
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
