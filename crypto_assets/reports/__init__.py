"""What is asked of the warehouse: reads of bounded work that pages, routes and commands share."""

from crypto_assets.reports.dashboard import Attention, Changes, Concern, Dashboard, Tile
from crypto_assets.reports.deduplication import Deduplication, SymbolDeduplication
from crypto_assets.reports.instruments import Instrument
from crypto_assets.reports.quality import Quality
from crypto_assets.reports.reports import Reports
from crypto_assets.reports.series import Answer, CandleSeries, Chart, Gap
from crypto_assets.reports.statistics import Statistics
from crypto_assets.reports.status import Status, SymbolStatus
from crypto_assets.reports.storage import Storage

__all__ = [
    "Answer",
    "Attention",
    "CandleSeries",
    "Changes",
    "Chart",
    "Concern",
    "Dashboard",
    "Deduplication",
    "Gap",
    "Instrument",
    "Quality",
    "Reports",
    "Statistics",
    "Status",
    "Storage",
    "SymbolDeduplication",
    "SymbolStatus",
    "Tile",
]
