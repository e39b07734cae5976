"""Changes that people make to price alerts, each recorded in the audit log."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from crypto_assets.analytics import Input, get_provider
from crypto_assets.analytics.registry import find_providers
from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import CLOSE, PriceAlertRule
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.app_settings import AuthorOrName
from crypto_assets.warehouse.catalog.price_alerts import StoredRule

_MAX_LEVEL_DIGITS = 30


def list_alert_columns() -> dict[str, list[str]]:
    """Return the columns that an alert can compare, by indicator; the close comes first.

    Indicators of several symbols are left out: their candles may be stored at different times.
    """
    series = {
        name: list(provider.columns)
        for name, provider in find_providers().items()
        if provider.is_series and Input.COMPANIONS not in provider.inputs
    }
    return {CLOSE: [CLOSE], **series}


def parse_level(text: str) -> Decimal:
    """Parse a level, with or without thousands separators. Raises WrongUse."""
    try:
        level = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        raise WrongUse(f"the level {text!r} is not a number: write it as 75000 or 0.25") from None
    if not level.is_finite() or len(f"{level:f}") > _MAX_LEVEL_DIGITS:
        raise WrongUse(f"the level {text!r} has more than {_MAX_LEVEL_DIGITS} digits")
    return level


def check_rule(warehouse: Warehouse, rule: PriceAlertRule) -> PriceAlertRule:
    """Return the rule with the symbol's registered name and all parameters.

    Raises WrongUse, which names the valid values, and UnknownSymbol.
    """
    symbol = warehouse.symbols.resolve_name(rule.symbol)
    columns = list_alert_columns()
    if rule.indicator not in columns:
        raise WrongUse(f"no indicator {rule.indicator!r}; available: {', '.join(columns)}")
    if rule.column not in columns[rule.indicator]:
        known = ", ".join(columns[rule.indicator])
        raise WrongUse(f"{rule.indicator} has no column {rule.column!r}; available: {known}")
    return replace(rule, symbol=symbol, params=_complete_params(rule.indicator, rule.params))


def add_price_alert(warehouse: Warehouse, rule: PriceAlertRule, who: AuthorOrName) -> StoredRule:
    """Add a rule; the first candle that it evaluates is the one that is forming now.

    Raises WrongUse and UnknownSymbol.
    """
    checked = check_rule(warehouse, rule)
    stored = warehouse.price_alerts.add_rule(
        checked, _last_closed_now(checked.interval), _get_name(who)
    )
    _record_change(warehouse, stored, None, _describe(checked), who)
    return stored


def delete_price_alert(warehouse: Warehouse, rule_id: str, who: AuthorOrName) -> None:
    """Delete a rule; what it has fired stays in the log. Raises UnknownTarget."""
    stored = warehouse.price_alerts.get_rule(rule_id)
    warehouse.price_alerts.delete_rule(rule_id)
    _record_change(warehouse, stored, _describe(stored.rule), None, who)


def restart_price_alert(warehouse: Warehouse, rule_id: str, who: AuthorOrName) -> None:
    """Arm a rule again that has fired once, from the candle that is forming now.

    Raises UnknownTarget.
    """
    stored = warehouse.price_alerts.get_rule(rule_id)
    # A candle that has fired must not fire again, also if this machine's clock is behind.
    evaluated = max(stored.state.evaluated_open_time, _last_closed_now(stored.rule.interval))
    warehouse.price_alerts.restart_rule(rule_id, evaluated)
    _record_change(warehouse, stored, "ended", _describe(stored.rule), who)


def _complete_params(indicator: str, params: Mapping[str, object]) -> dict[str, object]:
    if indicator == CLOSE:
        if params:
            raise WrongUse("the close has no parameters")
        return {}
    parsed = get_provider(indicator).parse_params(params)
    return parsed.model_dump(by_alias=True, mode="json")


def _last_closed_now(interval: Interval) -> int:
    """Return the open time of the candle before the one that is forming, epoch ms."""
    return interval.floor(now_ms()) - interval.ms


def _describe(rule: PriceAlertRule) -> str:
    return f"{rule.symbol} {rule.condition}{'' if rule.repeats else ', once'}"


def _get_name(who: AuthorOrName) -> str:
    return who if isinstance(who, str) else who.name


def _record_change(
    warehouse: Warehouse, stored: StoredRule, old: str | None, new: str | None, who: AuthorOrName
) -> None:
    warehouse.app_settings.record_change(f"price alert {stored.rule_id}", old, new, who)
