"""What is asked of the warehouse: reads of bounded work that pages, routes and commands share."""

from crypto_assets.reports.candle_series import Answer, CandleSeries, Chart, Gap
from crypto_assets.reports.coverage_calendar import Calendar, DayCell, DayState
from crypto_assets.reports.dashboard import Attention, Changes, Concern, Dashboard, Tile
from crypto_assets.reports.deduplication import Deduplication, SymbolDeduplication
from crypto_assets.reports.explorer import Dataset, Rows
from crypto_assets.reports.flow import Flow, Station, Stop
from crypto_assets.reports.instruments import Instrument
from crypto_assets.reports.quality import Quality
from crypto_assets.reports.reports import Reports
from crypto_assets.reports.status import Status, SymbolStatus
from crypto_assets.reports.storage import Storage
from crypto_assets.reports.ticker_statistics import Statistics

__all__ = [
    "Answer",
    "Attention",
    "Calendar",
    "CandleSeries",
    "Changes",
    "Chart",
    "Concern",
    "Dashboard",
    "Dataset",
    "DayCell",
    "DayState",
    "Deduplication",
    "Flow",
    "Gap",
    "Instrument",
    "Quality",
    "Reports",
    "Rows",
    "Station",
    "Statistics",
    "Status",
    "Stop",
    "Storage",
    "SymbolDeduplication",
    "SymbolStatus",
    "Tile",
]
