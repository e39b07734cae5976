"""Generates docs/providers.md from the provider registry."""

import sys
from collections.abc import Iterator
from typing import Any

from crypto_assets.analytics.provider import Params, Provider
from crypto_assets.analytics.registry import find_providers
from crypto_assets.market.intervals import Interval

_PAGE_HEAD = """\
# Analytics providers

Generated from the registry by
`python -m crypto_assets.analytics.provider_docs > docs/providers.md`; a test keeps it up to date. Each provider is one file in `crypto_assets/analytics/providers/`.

What has no value (too little history, nothing divided by nothing) is missing: NaN in Python, null
in JSON. "Reads before" is how many candles before the first one shown are read, so that a value
does not depend on where the chart begins; it is given for the defaults at one-hour candles.

A hole breaks a series, whatever the gap ledger calls it (an exchange's outage too): it is not
filled, no return is taken over it, and what looks back begins again after it, as at the beginning
of all history. A hole is a period without any candle: a quiet minute has a candle of volume 0, and
an hour with some of its minutes is a candle. So every value rests on candles without a hole between
them. A `partial` candle, whose beginning is not stored, has a true close, but its open, high, low
and sums are of a part of its period. "Holes" says what each provider does.

Where there is little: the oldest candles of all history have a row each, and a value as soon as
enough lies before them. A stretch inside an outage has no rows (and an object is `None` or null);
`gaps` says what it is. A symbol without candles has no rows and no gaps; one with three has three
rows, and objects of three candles. Nothing is made up to fill them.
"""


def render_provider_docs() -> str:
    """Markdown: an overview, then each provider with its parameters and columns."""
    known = find_providers().values()
    overview = _render_table(
        ("Provider", "Shows", "Answers with"),
        ((f"[`{p.name}`](#{p.name})", p.summary, _describe_result(p)) for p in known),
    )
    return "\n".join([_PAGE_HEAD, overview, *map(_render_section, known)])


def _describe_result(provider: Provider[Any]) -> str:
    return ", ".join(f"`{name}`" for name in provider.columns) or "one object"


def _render_section(provider: Provider[Any]) -> str:
    parts = [f"## {provider.name}\n", f"**{provider.title}.** {provider.description}\n"]
    if provider.params.model_fields:
        parts.append(
            _render_table(
                ("Parameter", "Type", "Default", "Means"), _parameter_rows(provider.params)
            )
        )
    if provider.columns:
        units = ((f"`{name}`", unit) for name, unit in provider.columns.items())
        parts.append(_render_table(("Column", "Unit"), units))
        before = provider.parse_params({}).warm_up(Interval.H1)
        parts.append(f"Reads before: {before} candles.\n")
    parts.append(f"Holes: {_describe_gap_handling(provider)}\n")
    return "\n".join(parts)


def _describe_gap_handling(provider: Provider[Any]) -> str:
    """What a hole and a partial candle do to a provider's answer, as a sentence's end."""
    if not provider.reads:
        return "reads no candles."
    if provider.is_series and not provider.looks_back:
        return "each candle stands by itself; a partial one is shown as it is, flagged."
    hole = "begins again after one" if provider.is_series else "counts the candles that exist"
    closes = set(provider.reads) <= {"close"}
    partial = "the close of a partial candle counts" if closes else "a partial candle is left out"
    return f"{hole}; {partial}."


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
    """A field's JSON schema in words: `integer, 2 to 100`, or the words that it takes."""
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
