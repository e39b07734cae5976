"""Open gaps are asked for again, each time after a longer while."""

from collections.abc import Iterator
from datetime import date

from crypto_assets.errors import CryptoAssetsError, TransientError
from crypto_assets.market.utc_time import MINUTE_MS, Window, day_of
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import FailureReasons, postpone_retry, resolve_gaps
from crypto_assets.pipeline.ingestion.symbol_pipeline import SymbolPipeline
from crypto_assets.pipeline.stages.results import DayOutcome
from crypto_assets.warehouse import Gap


def list_due_gaps(platform: PipelineContext) -> list[Gap]:
    """Unexplained gaps of tracked symbols whose next attempt has come."""
    return platform.warehouse.gap_ledger.list_due_gaps(platform.exchange_now())


def retry_gaps(chain: SymbolPipeline) -> Iterator[list[DayOutcome]]:
    """Ask the exchange again for the due gaps of the chain's window; outcomes of their days.

    They come together: several gaps may lie in one partition, and one of which nothing was said
    spoils it, whatever became of the others. Where nobody answers, no further gap is asked for.
    """
    spans = [
        (gap, span)
        for gap in list_due_gaps(chain.platform)
        if gap.symbol == chain.symbol
        and (span := Window(gap.start, gap.end + MINUTE_MS)) & chain.window
    ]
    bad: FailureReasons = {}
    silent: CryptoAssetsError | None = None
    for gap, span in spans:
        said = dict.fromkeys(span.iter_days(), silent) if silent else _retry_gap(chain, gap, span)
        silent = silent or next(
            (one for one in said.values() if isinstance(one, TransientError)), None
        )
        bad = said | bad
    touched = sorted({day for _, span in spans for day in span.iter_days()})
    good = [day for day in touched if day not in bad]
    yield chain.build_failed_outcomes(bad) + chain.build_outcomes(good, set(good), {})


def _retry_gap(chain: SymbolPipeline, gap: Gap, span: Window) -> FailureReasons:
    """The days of which nothing was said, and why.

    An attempt counts before it is made: one that is cut off must not be made again at once.
    """
    try:
        postpone_retry(chain.platform, gap, chain.platform.exchange_now())
        return resolve_gaps(chain.platform, chain.symbol, span, chain.closed_before_ms)
    except CryptoAssetsError as error:
        return dict.fromkeys(span.iter_days(), error)


def get_gap_days(gap: Gap) -> tuple[date, date]:
    """First and last UTC day that a gap touches."""
    return day_of(gap.start), day_of(gap.end)
