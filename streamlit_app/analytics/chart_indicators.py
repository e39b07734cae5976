"""The indicators of a chart as data that any chart library can draw."""

import math
from collections.abc import Iterable

from crypto_assets.analytics import Panel, Provider
from crypto_assets.market.intervals import Interval
from crypto_assets.reports import ProviderResult
from streamlit_app.analytics.indicator_instances import IndicatorInstance
from streamlit_app.data import analytics
from streamlit_app.data.analytics import ChartResult, EnabledProviders
from streamlit_app.figures import number_formats
from streamlit_app.figures.indicator import Indicator
from streamlit_app.format.decimal_places import DecimalPlaces

# Volume is drawn as bars in the colors of the candles.
VOLUME = "volume"


def list_enabled(instances: Iterable[IndicatorInstance]) -> EnabledProviders:
    """Return what to compute: the instances that are drawn."""
    return tuple(
        (instance.provider, instance.params) for instance in instances if instance.is_drawn
    )


def has_volume(instances: Iterable[IndicatorInstance]) -> bool:
    return any(instance.provider == VOLUME and instance.is_drawn for instance in instances)


def build_indicators(
    result: ChartResult, instances: Iterable[IndicatorInstance], decimals: DecimalPlaces
) -> list[Indicator]:
    """Build the indicators that have a result, in the order of the instances, without volume.

    `decimals` are those of the prices.
    """
    providers, interval = analytics.get_providers(), result.chart.candles.interval
    indicators = []
    for instance in instances:
        found = result.find_result((instance.provider, instance.params))
        if found is not None and instance.is_drawn and instance.provider != VOLUME:
            provider = providers[instance.provider]
            indicators.append(_build_indicator(instance, provider, found, interval, decimals))
    return indicators


def format_legend(instance: IndicatorInstance, interval: Interval) -> str:
    """Return the legend entry of an instance: `EMA 50`. An instance with an error has its title."""
    provider = analytics.get_providers()[instance.provider]
    if instance.error:
        return provider.title
    return provider.format_legend(provider.params.model_validate(dict(instance.params)), interval)


def _build_indicator(
    instance: IndicatorInstance,
    provider: Provider[object],
    result: ProviderResult,
    interval: Interval,
    decimals: DecimalPlaces,
) -> Indicator:
    unit = next(iter(provider.columns.values()))
    return Indicator(
        key=instance.key,
        name=format_legend(instance, interval),
        panel=provider.panel,
        lines=result.value,
        number_format=number_formats.get_unit_format(unit, decimals, _find_largest_value(result)),
        colors=_list_colors(instance, provider),
        width=instance.width,
        bars=provider.bars,
        band=provider.band,
        levels=provider.levels,
    )


def _list_colors(instance: IndicatorInstance, provider: Provider[object]) -> tuple[str, ...]:
    """Return a color per column; both ends of a band have the same one."""
    columns = list(provider.columns)
    if provider.band is None:
        return instance.list_colors(len(columns))
    own, other = instance.list_colors(2)
    return tuple(own if column in provider.band else other for column in columns)


def _find_largest_value(result: ProviderResult) -> float:
    """Return the largest absolute value, 0 if there is none."""
    largest = float(result.value.abs().max(axis=None, numeric_only=True))
    return 0.0 if math.isnan(largest) else largest


def select_panel(indicators: Iterable[Indicator], panel: Panel) -> list[Indicator]:
    """Return the indicators of a panel."""
    return [indicator for indicator in indicators if indicator.panel is panel]
