"""What the address of the page Analytics asks for, and what is wrong with it.

Nothing is replaced silently: each invalid value of the address is a problem in `ChartRequest`,
which the page shows, and the address keeps it until the viewer chooses another one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from crypto_assets.analytics import Panel, Provider
from crypto_assets.errors import WrongUse
from crypto_assets.market.instant_parsing import parse_day
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import parse_symbol
from streamlit_app.analytics.chart_options import ChartType, PriceScale
from streamlit_app.analytics.indicator_instances import (
    IndicatorInstance,
    Providers,
    Query,
    format_parameter_key,
    parse_instances,
)
from streamlit_app.analytics.zoom import parse_zoom
from streamlit_app.data.ranges import ChartRange
from streamlit_app.format.viewer_zone import LOCAL, ViewerZone

Choice = TypeVar("Choice", bound=StrEnum)

MAX_COMPARED = 4
EARLIEST_DAY = date(2017, 1, 1)  # before the first candle of the exchange
_MAX_QUOTED = 60  # characters
DEFAULT_INTERVAL, DEFAULT_RANGE = Interval.H1, ChartRange.WEEK
# The candles are not an indicator.
_ALWAYS_DRAWN = frozenset({"candlestick"})


@dataclass(frozen=True)
class ChartRequest:
    """The parameters of the address. `symbol` is None if the address names an unknown one.

    `indicators` are drawn with the candles, `charts` on cards. `zone` is a choice of
    `ViewerZone.resolve`, empty without one. `problems` are sentences.
    """

    symbol: str | None
    compared_symbols: tuple[str, ...]
    interval: Interval
    chart_range: ChartRange
    dates: tuple[date, date] | None
    indicators: tuple[IndicatorInstance, ...]
    charts: tuple[IndicatorInstance, ...]
    chart_type: ChartType = ChartType.CANDLES
    scale: PriceScale = PriceScale.LINEAR
    zone: str = ""
    has_markers: bool = True
    problems: tuple[str, ...] = ()


def select_panels(providers: Providers, panels: Sequence[Panel]) -> Providers:
    """Return the providers of these panels that can be switched on and off."""
    return {
        name: provider
        for name, provider in providers.items()
        if provider.panel in panels and name not in _ALWAYS_DRAWN
    }


def select_chart_providers(providers: Providers) -> Providers:
    """Return the providers of the menu of indicators."""
    return select_panels(providers, (Panel.PRICE, Panel.BELOW))


def parse_request(query: Query, symbols: Sequence[str], providers: Providers) -> ChartRequest:
    """Parse the address. `symbols` are those that have data, at least one.

    The first symbol is the default. Texts of the address in `problems` are quoted, and not escaped.
    """
    problems: list[str] = []
    symbol = _parse_symbol(query, symbols, problems)
    indicators = tuple(
        _choose_other_symbol(instance, providers[instance.provider], query, symbol, symbols)
        for instance in _parse_panels(query, providers, (Panel.PRICE, Panel.BELOW), problems)
    )
    charts = _parse_panels(query, providers, (Panel.ALONE,), problems)
    request = ChartRequest(
        symbol=symbol,
        compared_symbols=_parse_compared(query, symbols, symbol, problems),
        interval=_parse_choice(query, "interval", Interval, DEFAULT_INTERVAL, problems),
        chart_range=_parse_choice(query, "range", ChartRange, DEFAULT_RANGE, problems),
        dates=_parse_dates(query, problems),
        indicators=indicators,
        charts=charts,
        chart_type=_parse_choice(query, "type", ChartType, ChartType.CANDLES, problems),
        scale=_parse_choice(query, "scale", PriceScale, PriceScale.LINEAR, problems),
        zone=_parse_zone(query, problems),
        has_markers=_parse_switch(query, "markers", problems),
    )
    view = _get_text(query, "view")
    if view is not None and parse_zoom(view) is None:
        problems.append(
            f"View {_quote(view)} is not a range of time: write FROM-TO in epoch seconds. The "
            f"chart shows the range {request.chart_range}"
        )
    for instance in [*indicators, *charts]:
        if instance.error:
            title = providers[instance.provider].title
            problems.append(f"{title} ({instance.key}) is not drawn: {instance.error}")
    return replace(request, problems=tuple(problems))


def _parse_symbol(query: Query, symbols: Sequence[str], problems: list[str]) -> str | None:
    text = _get_text(query, "symbol")
    if text is None:
        return symbols[0]
    symbol = _find_symbol(text, symbols)
    if symbol is None:
        problems.append(
            f"No data of symbol {_quote(text)} is stored, so no chart is drawn. Choose another "
            "symbol, or add this one on the Settings page"
        )
    return symbol


def _parse_compared(
    query: Query, symbols: Sequence[str], symbol: str | None, problems: list[str]
) -> tuple[str, ...]:
    texts = [text for value in query.get("compare", ()) for text in value.split(",") if text]
    found = {text: _find_symbol(text, symbols) for text in texts}
    unknown = [text for text, name in found.items() if name is None]
    if unknown:
        quoted = ", ".join(map(_quote, unknown))
        problems.append(f"No data of {quoted} is stored, so it is not compared")
    compared = [name for name in dict.fromkeys(found.values()) if name not in (None, symbol)]
    if len(compared) > MAX_COMPARED:
        left_out = ", ".join(str(name) for name in compared[MAX_COMPARED:])
        problems.append(f"At most {MAX_COMPARED} symbols are compared; {left_out} is left out")
    return tuple(str(name) for name in compared[:MAX_COMPARED])


def _find_symbol(text: str, symbols: Sequence[str]) -> str | None:
    try:
        name = parse_symbol(text, symbols)
    except WrongUse:
        return None
    return name if name in symbols else None


def _parse_choice(
    query: Query, name: str, choices: type[Choice], default: Choice, problems: list[str]
) -> Choice:
    text = _get_text(query, name)
    if text is None or text in list(choices):
        return default if text is None else choices(text)
    problems.append(
        f"{name.capitalize()} {_quote(text)} is not available: choose one of "
        f"{', '.join(choices)}. The chart shows {default}"
    )
    return default


def _parse_dates(query: Query, problems: list[str]) -> tuple[date, date] | None:
    """Return the first and the last day, None if the address has none."""
    texts = [text for value in query.get("dates", ()) for text in value.split(",") if text]
    if not texts:
        return None
    try:
        days = [parse_day(text) for text in texts]
    except WrongUse:
        days = []
    if len(days) not in (1, 2) or days != sorted(days):
        problems.append(
            f"Dates {_quote(','.join(texts))} are not a range of days: write the first and the "
            "last one as 2025-01-31. The chart shows the newest days"
        )
        return None
    return days[0], days[-1]


def _parse_switch(query: Query, name: str, problems: list[str]) -> bool:
    """Return whether something is on that is on by default."""
    text = _get_text(query, name)
    if text not in (None, "true", "false"):
        problems.append(f"{name.capitalize()} {_quote(text)} is not available: write true or false")
    return text != "false"


def _parse_zone(query: Query, problems: list[str]) -> str:
    """Return the choice of a time zone, empty without one, the browser's if it is not valid."""
    choice = _get_text(query, "tz") or ""
    try:
        ViewerZone.resolve(choice or LOCAL, None)
    except KeyError:
        problems.append(
            f"Time zone {_quote(choice)} is unknown: write UTC, local, exchange, or a name such as "
            "Asia/Kolkata. Times are in the zone of this browser"
        )
        return LOCAL
    return choice


def _parse_panels(
    query: Query, providers: Providers, panels: Sequence[Panel], problems: list[str]
) -> tuple[IndicatorInstance, ...]:
    try:
        return parse_instances(query, select_panels(providers, panels))
    except WrongUse as error:
        problems.append(f"No indicator is drawn: {error}")
        return ()


def _choose_other_symbol(
    instance: IndicatorInstance,
    provider: Provider[Any],
    query: Query,
    symbol: str | None,
    symbols: Sequence[str],
) -> IndicatorInstance:
    """Return the instance with another symbol in the place of the chart's own, if it is a default.

    Otherwise the correlation of BTCUSDT would be that with itself, because its default is BTCUSDT.
    """
    others = [other for other in symbols if other != symbol]
    defaults = {
        field.alias or name
        for name, field in provider.params.model_fields.items()
        if field.default == symbol and format_parameter_key(instance.key, name) not in query
    }
    if not defaults or not others:
        return instance
    params = tuple((n, others[0] if n in defaults else value) for n, value in instance.params)
    return replace(instance, params=params)


def _get_text(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = query.get(name)
    return values[-1] if values else None


def _quote(text: str) -> str:
    shown = text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}\N{HORIZONTAL ELLIPSIS}"
    return f"`{shown.replace('`', chr(39))}`"
