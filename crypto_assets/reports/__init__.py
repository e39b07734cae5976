"""Reports over the warehouse for pages, routes and commands; each read does bounded work."""

from crypto_assets.reports.candle_series import CandleChart, CandleGap, CandleSeries, ProviderResult
from crypto_assets.reports.coverage_calendar import CoverageCalendar, DayCell, DayState
from crypto_assets.reports.dashboard import (
    AttentionItem,
    Concern,
    Dashboard,
    SymbolTile,
    TotalChanges,
)
from crypto_assets.reports.deduplication import DeduplicationReport, SymbolDeduplication
from crypto_assets.reports.explorer import ExplorerDataset, RowPage
from crypto_assets.reports.flow import DataFlow, FlowStage, StageCounts
from crypto_assets.reports.instruments import Instrument
from crypto_assets.reports.quality import QualityReport
from crypto_assets.reports.reports import Reports
from crypto_assets.reports.status import StatusReport, SymbolStatusReport
from crypto_assets.reports.storage import StorageUsage
from crypto_assets.reports.ticker_statistics import TickerStatistics

__all__ = [
    "AttentionItem",
    "CandleChart",
    "CandleGap",
    "CandleSeries",
    "Concern",
    "CoverageCalendar",
    "Dashboard",
    "DataFlow",
    "DayCell",
    "DayState",
    "DeduplicationReport",
    "ExplorerDataset",
    "FlowStage",
    "Instrument",
    "ProviderResult",
    "QualityReport",
    "Reports",
    "RowPage",
    "StageCounts",
    "StatusReport",
    "StorageUsage",
    "SymbolDeduplication",
    "SymbolStatusReport",
    "SymbolTile",
    "TickerStatistics",
    "TotalChanges",
]
