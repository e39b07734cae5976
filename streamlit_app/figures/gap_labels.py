"""The reasons of gaps as text."""

from crypto_assets.reports import CandleGap
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from streamlit_app.format.viewer_zone import ViewerZone

_REASONS = {
    GapClass.OUTAGE: "Outage",
    GapClass.NOT_LISTED: "Not listed yet",
    GapClass.DELISTED: "Delisted",
    GapClass.REFUSED: "Refused: the exchange's candle is invalid",
    GapClass.ARCHIVE_LATE: "Archive is late",
    GapClass.OPEN: "Missing, will be requested again",
    None: "Missing, not explained yet",
}


def describe_gap_reason(gap_class: GapClass | None) -> str:
    """Describe a class of the ledger, or None for a gap that it does not list."""
    return _REASONS[gap_class]


def label_gap(gap: CandleGap, zone: ViewerZone) -> str:
    """Label a gap: `Outage, 24 Mar 2025 12:40 to 14:00 UTC`."""
    start, end = zone.convert(gap.window.start_ms), zone.convert(gap.window.end_ms)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%d %b %H:%M}"
    return f"{describe_gap_reason(gap.gap_class)}, {start:%d %b %Y %H:%M} to {until} {zone.label}"
