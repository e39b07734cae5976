"""Status, ingestion log, deduplication, storage, gaps and quality."""

from pydantic import Field

from crypto_assets.api.views.base import EpochMs, ExactDecimal, ResponseView
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.staleness import SymbolState
from crypto_assets.warehouse import ConflictKind
from crypto_assets.warehouse.quality.gap_ledger import GapClass


class LakeTotalView(ResponseView):
    bucket: str
    kind: ObjectKind
    objects: int
    size_bytes: int


class StorageView(ResponseView):
    lake: tuple[LakeTotalView, ...]
    objects: int
    lake_bytes: int
    warehouse_bytes: int


class SymbolStatusView(ResponseView):
    symbol: str
    first_open_time: EpochMs | None
    last_open_time: EpochMs | None
    rows: int = Field(description="Number of stored minutes.")
    coverage: float = Field(
        description="Share of the minutes from the first to the last candle that are stored or "
        "explained, 0 to 1."
    )
    open_gaps: int
    missing_minutes: int
    unloaded_days: int = Field(
        description="Days from the first to the last candle that were never requested; they count "
        "neither as missing nor against the coverage."
    )
    lag_ms: int | None = Field(description="Milliseconds since the newest candle ended.")
    state: SymbolState


class StatusView(ResponseView):
    as_of: EpochMs
    symbols: tuple[SymbolStatusView, ...]
    storage: StorageView
    replica_lag_ms: int = Field(
        description="By how many milliseconds the replica that the API reads is behind; else 0."
    )


class LakeObjectView(ResponseView):
    bucket: str
    key: str
    symbol: str
    kind: ObjectKind
    source: Source
    first_time: EpochMs
    last_time: EpochMs
    rows: int
    size_bytes: int
    sha256: str
    fetched_at: EpochMs
    loaded_at: EpochMs | None = Field(description="Null if not loaded yet.")


class SymbolDeduplicationView(ResponseView):
    """Counts of `delivered` rows by result; `repeated` rows had been delivered before."""

    symbol: str
    objects: int
    delivered: int
    stored: int = Field(serialization_alias="held", description="Rows stored as a minute.")
    quarantined: int
    repeated: int


class DeduplicationView(ResponseView):
    start: EpochMs
    end: EpochMs
    delivered: int
    repeated: int
    symbols: tuple[SymbolDeduplicationView, ...]


class LedgerGapView(ResponseView):
    """A gap of the ledger; `start` and `end` are the first and the last missing open time."""

    symbol: str
    start: EpochMs
    end: EpochMs
    minutes: int
    gap_class: GapClass = Field(serialization_alias="class")
    evidence: str
    first_seen: EpochMs
    closed_at: EpochMs | None = Field(description="When the gap was filled; null if it is not.")
    attempts: int
    next_retry_at: EpochMs | None


class CandleView(ResponseView):
    open_time: EpochMs
    open: ExactDecimal
    high: ExactDecimal
    low: ExactDecimal
    close: ExactDecimal
    volume: ExactDecimal
    close_time: EpochMs
    quote_volume: ExactDecimal
    trade_count: int
    taker_buy_volume: ExactDecimal
    taker_buy_quote_volume: ExactDecimal


class RevisionView(ResponseView):
    """A candle that a later fetch changed."""

    symbol: str
    open_time: EpochMs
    old: CandleView
    old_fetched_at: EpochMs
    old_source: str
    new: CandleView
    new_fetched_at: EpochMs
    new_source: str
    noted_at: EpochMs


class QuarantinedView(ResponseView):
    """An object or a row that broke a rule."""

    symbol: str
    kind: ObjectKind
    bucket: str
    key: str
    reason: str
    content: str
    open_time: EpochMs | None
    noted_at: EpochMs


class ConflictView(ResponseView):
    """A period in which the exchange contradicts itself; `interval` is 1h or 1d."""

    symbol: str
    interval: Interval
    open_time: EpochMs = Field(
        description="Open time as the exchange reports it, possibly off the grid."
    )
    kind: ConflictKind = Field(
        description=(
            "resolved: one version of the minutes gives the exchange's hour, and is used; "
            "contradiction: no version does; "
            "off_grid: no version does, and the period opens off its grid."
        )
    )
    evidence: str = Field(description="Both values and their sources.")
    recorded_at: EpochMs


class QualityView(ResponseView):
    as_of: EpochMs
    symbols: tuple[SymbolStatusView, ...]
    revisions: tuple[RevisionView, ...] = Field(description="The latest records.")
    quarantined: int
    quarantine: tuple[QuarantinedView, ...] = Field(description="The latest records.")
    conflicts: tuple[ConflictView, ...] = Field(description="The latest records.")
