"""The SQL of the roll-up equals the golden files, one per dialect.

After an intended change, regenerate them and read the difference:

    python -m crypto_assets_tests.warehouse.klines.test_rollup_sql
"""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, Table
from sqlalchemy.dialects.mysql import pymysql
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import Dialect

from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window
from crypto_assets.warehouse.engine.schema import fact_klines, hourly_klines
from crypto_assets.warehouse.klines.rollup_sql import select_rollup, select_rollup_at
from crypto_assets.warehouse.klines.stale_periods import select_computable_days, select_stale_hours

GOLDEN = Path(__file__).parent / "golden"
COMMAND = "python -m crypto_assets_tests.warehouse.klines.test_rollup_sql"
DIALECTS: dict[str, Dialect] = {
    "sqlite": pysqlite.dialect(),
    "mariadb": pymysql.dialect(is_mariadb=True),
    "mysql": pymysql.dialect(),
}
SYMBOL_ID = 7
DAY = Window(1_735_689_600_000, 1_735_776_000_000)  # 2025-01-01
BOUNDS = (DAY.start_ms, DAY.end_ms)
_CLAUSE = re.compile(r"(?<!INNER)\s+(?=(?:FROM|WHERE|GROUP BY|HAVING|(?:INNER )?JOIN)\b)")
_TOKEN = re.compile(r"\(SELECT\b|[()]|, |\n|[^(),\n]+")


def _build_statements(sqlite: bool) -> dict[str, Select[Any]]:
    """Build what aggregates.py and resampled_reads.py execute, by what it does."""
    hours, days = select_stale_hours(SYMBOL_ID, DAY), select_computable_days(SYMBOL_ID, DAY)
    return {
        "Hours from minutes": (
            select_rollup_at(hours, fact_klines, SYMBOL_ID, HOUR_MS)
            if sqlite
            else select_rollup(fact_klines, SYMBOL_ID, BOUNDS, HOUR_MS)
        ),
        "Days from hours": (
            select_rollup_at(days, hourly_klines, SYMBOL_ID, DAY_MS)
            if sqlite
            else select_rollup(hourly_klines, SYMBOL_ID, BOUNDS, DAY_MS)
        ),
        "Candles of five minutes, to be read": _resample(fact_klines, Interval.M5, CANDLE_COLUMNS),
        "Volumes of weeks, to be read": _resample(
            hourly_klines, Interval.W1, ("open_time", "volume")
        ),
    }


def _resample(parts: Table, interval: Interval, names: tuple[str, ...]) -> Select[Any]:
    return select_rollup(
        parts, SYMBOL_ID, BOUNDS, interval.ms, interval.offset_ms, names=names, by_sorting=True
    )


def _render_dialect(name: str) -> str:
    header = f"-- Generated: {COMMAND}\n"
    return header + "".join(
        f"\n-- {title}\n{_render_statement(statement, DIALECTS[name])};\n"
        for title, statement in _build_statements(sqlite=name == "sqlite").items()
    )


def _render_statement(statement: Select[Any], dialect: Dialect) -> str:
    compiled = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return _format_sql(_CLAUSE.sub("\n", compiled.replace("%%", "%")))


def _format_sql(sql: str) -> str:
    """Put each column and clause on a line of its own, and indent subqueries."""
    text: list[str] = []
    brackets: list[bool] = []  # for each open one, whether it contains a subquery
    for token in _TOKEN.findall(sql):
        in_expression = bool(brackets) and not brackets[-1]
        if token == ")":
            token = "\n)" if brackets.pop() else ")"
        elif token in ("(", "(SELECT"):
            brackets.append(token != "(")
        elif token == "\n" and in_expression:
            token = " "
        elif token == ", " and not in_expression:
            token = ",\n    "
        token = token.replace("(SELECT", "(\nSELECT")
        text.append(token.replace("\n", "\n" + "    " * sum(brackets)))
    return re.sub(r"(?m) +$", "", "".join(text))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_rollup_sql_equals_the_golden_file(dialect: str) -> None:
    golden = (GOLDEN / f"{dialect}.sql").read_text(encoding="utf-8")
    assert _render_dialect(dialect) == golden, f"If the change is intended, run `{COMMAND}`."


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in DIALECTS:
        (GOLDEN / f"{each}.sql").write_text(_render_dialect(each), encoding="utf-8")
