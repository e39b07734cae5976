"""The price alerts of a symbol, as lines of its chart."""

from collections.abc import Iterable

from crypto_assets.analytics import Panel
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.price_alerts import CLOSE, PriceAlertRule, format_level
from streamlit_app.analytics.indicator_instances import IndicatorInstance
from streamlit_app.components.candle_chart import AlertLine
from streamlit_app.data import analytics
from streamlit_app.data import price_alerts as queries


def list_alert_lines(symbol: str, instances: Iterable[IndicatorInstance]) -> tuple[AlertLine, ...]:
    """Return the lines of the alerts that can fire.

    An alert on an indicator in a pane of its own has one if the chart has that indicator.
    """
    try:
        rules = queries.query_rules()
    except CryptoAssetsError:
        return ()  # The chart reads from a replica, which may be available without the primary.
    instances = [instance for instance in instances if instance.is_drawn]
    return tuple(
        AlertLine(pane, float(stored.rule.level), _format_text(stored.rule))
        for stored in rules
        if stored.rule.symbol == symbol and stored.state.is_active
        for pane in _find_panes(stored.rule, instances)
    )


def _find_panes(rule: PriceAlertRule, instances: Iterable[IndicatorInstance]) -> list[str]:
    """Return where a level is drawn: once among the prices, or in an indicator's pane."""
    provider = analytics.get_providers().get(rule.indicator)
    if rule.indicator == CLOSE or (provider is not None and provider.panel is Panel.PRICE):
        return [""]
    same = [
        instance.key
        for instance in instances
        if instance.provider == rule.indicator
        and {name: value for name, value in instance.params} == dict(rule.params)
    ]
    return same[:1]


def _format_text(rule: PriceAlertRule) -> str:
    """`crosses above 75,000, 1h`; the level of an indicator begins with its name."""
    name = "" if rule.indicator == CLOSE else f"{rule.indicator} "
    return f"{name}{rule.comparison} {format_level(rule.level)}, {rule.interval}"
