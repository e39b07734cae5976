"""The promised figures with their goals, and the report of a measurement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A promised figure with the goals `must` and `aim`.

    `falls` is whether a smaller value is better.
    """

    name: str
    unit: str
    must: float
    aim: float
    falls: bool = False

    def describe_result(self, value: float) -> str:
        if self._reaches(value, self.aim):
            return "aim reached"
        if self._reaches(value, self.must):
            return "must reached"
        return f"below must: {self.compute_ratio(value):.2f} of it"

    def compute_ratio(self, value: float) -> float:
        """Return the ratio to `must`; more is better."""
        return self.must / value if self.falls else value / self.must

    def _reaches(self, value: float, goal: float) -> bool:
        return value <= goal if self.falls else value >= goal


FIGURES = (
    Figure("backfill_month_rows_s", "candles/s", 40_000, 100_000),
    Figure("backfill_day_rows_s", "candles/s", 10_000, 16_000),
    Figure("backfill_over_ceiling", "", 0.4, 0.7),
    Figure("backfill_embedded_rows_s", "candles/s", 60_000, 150_000),
    Figure("tick_s", "s", 1.5, 0.5, falls=True),
    Figure("tick_history_ratio", "", 1.1, 1.0, falls=True),
    Figure("aggregate_year_s", "s", 1.0, 0.5, falls=True),
    Figure("gap_detection_s", "s", 2.0, 1.0, falls=True),
    Figure("provider_p95_ms", "ms", 60, 25, falls=True),
    Figure("page_first_s", "s", 2.0, 1.0, falls=True),
    Figure("page_rerun_s", "s", 0.5, 0.2, falls=True),
    Figure("page_20_viewers_s", "s", 4.0, 2.0, falls=True),
    Figure("page_20_viewers_rerun_s", "s", 1.0, 0.4, falls=True),
    Figure("page_200_reruns_growth_mb", "MB", 10, 2, falls=True),
    Figure("chart_frame_p95_ms", "ms", 33, 17, falls=True),
    Figure("chart_frame_50k_p95_ms", "ms", 50, 33, falls=True),
    Figure("chart_interval_ms", "ms", 250, 150, falls=True),
    Figure("chart_symbol_ms", "ms", 250, 150, falls=True),
    Figure("chart_first_s", "s", 1.0, 0.4, falls=True),
    Figure("chart_layout_shift", "", 0.1, 0.02, falls=True),
    Figure("workers_speedup", "", 1.5, 1.9),
    Figure("backfill_peak_mb", "MB", 600, 300, falls=True),
)


def format_value(value: float) -> str:
    """Format a value with at least three digits and with separated thousands."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def format_report(values: Mapping[str, float]) -> Iterator[str]:
    """Format a line for each promised figure that was measured, then for the others."""
    yield f"{'figure':<32}{'measured':>12}{'must':>10}{'aim':>10}  unit"
    promised = {figure.name: figure for figure in FIGURES}
    for name, figure in promised.items():
        if name in values:
            goals = f"{format_value(figure.must):>10}{format_value(figure.aim):>10}"
            line = f"{name:<32}{format_value(values[name]):>12}{goals}"
            yield f"{line}  {figure.unit:<11}{figure.describe_result(values[name])}"
    for name, value in values.items():
        if name not in promised:
            yield f"{name:<32}{format_value(value):>12}"
