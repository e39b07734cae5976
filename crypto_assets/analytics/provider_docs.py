"""Generate docs/providers.md from the provider registry."""

import sys
from collections.abc import Iterator
from typing import Any

from crypto_assets.analytics.provider import Params, Provider
from crypto_assets.analytics.registry import find_providers
from crypto_assets.market.intervals import Interval

_PAGE_HEAD = """\
# Analytics providers

This page is generated from the registry. To update it, run
`python -m crypto_assets.analytics.provider_docs > docs/providers.md`; a test checks that it is
current. Each provider is one file in `crypto_assets/analytics/providers/`, except for those that
`talib_indicators.py` generates from TA-Lib's description of its functions.

An undefined value (too little history, 0 divided by 0) is NaN in Python and null in JSON. "Reads
before" is how many candles before the first one shown are read, so that a value does not depend on
where the chart begins. It is given for the default parameters and one-hour candles.

A gap is a period without a candle, regardless of its class in the ledger. Gaps are not filled. No
return is computed across a gap, and an indicator that depends on earlier candles starts again after
it, as at the beginning of history. A minute without trades is not a gap: it has a candle of volume
0. An hour with only some of its minutes also has one. The beginning of a `partial` candle is not
stored. Its close is correct, but open, high, low and sums cover only the rest of its period.
"Gaps" describes what each provider does.

With little history, each existing candle has a row, and its value is defined as soon as enough
candles precede it. A range inside an outage has no rows (an object is `None` or null), and `gaps`
contains the reason. A symbol without candles has no rows and no gaps.
"""


def render_provider_docs() -> str:
    """Render the page as Markdown: an overview, then a section per provider."""
    providers = find_providers().values()
    overview = _render_table(
        ("Provider", "Shows", "Returns"),
        ((f"[`{p.name}`](#{p.name})", p.summary, _describe_result(p)) for p in providers),
    )
    return "\n".join([_PAGE_HEAD, overview, *map(_render_section, providers)])


def _describe_result(provider: Provider[Any]) -> str:
    return ", ".join(f"`{name}`" for name in provider.columns) or "one object"


def _render_section(provider: Provider[Any]) -> str:
    parts = [f"## {provider.name}\n", f"**{provider.title}.** {provider.description}\n"]
    if provider.params.model_fields:
        parts.append(
            _render_table(
                ("Parameter", "Type", "Default", "Description"), _parameter_rows(provider.params)
            )
        )
    if provider.columns:
        units = ((f"`{name}`", unit) for name, unit in provider.columns.items())
        parts.append(_render_table(("Column", "Unit"), units))
        before = provider.parse_params({}).warm_up(Interval.H1)
        parts.append(f"Reads before: {before} candles.\n")
    parts.append(f"Gaps: {_describe_gap_handling(provider)}\n")
    return "\n".join(parts)


def _describe_gap_handling(provider: Provider[Any]) -> str:
    """Describe what a provider does at gaps and with partial candles."""
    if not provider.reads:
        return "the provider reads no candles."
    if provider.is_series and not provider.looks_back:
        return "each value depends on one candle; partial candles are included and flagged."
    gaps = (
        "values start again after a gap" if provider.is_series else "only existing candles are used"
    )
    partial = "included" if provider.accepts_partial else "excluded"
    return f"{gaps}; partial candles are {partial}."


def _parameter_rows(params: type[Params]) -> Iterator[tuple[str, ...]]:
    schema = params.model_json_schema()
    for name, field in schema["properties"].items():
        default = field.get("default")
        shown = f"`{default}`" if default not in ([], None) else "none"
        yield (
            f"`{name}`",
            _describe_type(field, schema.get("$defs", {})),
            shown,
            field["description"],
        )


def _describe_type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Describe the JSON schema of a field: `integer, 2 to 100`, or the allowed words."""
    if "$ref" in field:
        words = definitions[field["$ref"].rpartition("/")[2]]["enum"]
        return ", ".join(f"`{word}`" for word in words)
    if field["type"] == "array":
        return f"list of {field['items']['type']}s"
    low = field.get("minimum", f"above {field.get('exclusiveMinimum')}")
    bounds = f", {low} to {field['maximum']}" if "maximum" in field else ""
    return f"{field['type']}{bounds}"


def _render_table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(render_provider_docs())
