"""The pages of the app, in the order of the navigation bar."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageEntry:
    """A page. `name` is its file in `app_pages/` and its URL path."""

    name: str
    title: str
    icon: str
    purpose: str

    @property
    def path(self) -> str:
        return f"app_pages/{self.name}.py"


PAGES = (
    PageEntry(
        "dashboard",
        "Dashboard",
        ":material/dashboard:",
        "Price and 24-hour change of every tracked symbol, totals, and issues.",
    ),
    PageEntry(
        "analytics",
        "Analytics",
        ":material/candlestick_chart:",
        "Candle charts with volume and indicators, and statistics of any range.",
    ),
    PageEntry(
        "pipeline",
        "Pipeline",
        ":material/account_tree:",
        "Data flow with live counts, runs, ingestion log, storage, and data explorer.",
    ),
    PageEntry(
        "quality",
        "Quality",
        ":material/fact_check:",
        "Coverage, gaps, revisions, conflicts, rejected rows, and checks.",
    ),
    PageEntry(
        "alerts",
        "Price alerts",
        ":material/notifications:",
        "Alerts on prices and indicators, and the log of those that fired.",
    ),
    PageEntry(
        "scheduler",
        "Scheduler",
        ":material/schedule:",
        "Schedules and sensors with their last and next run, and backfills.",
    ),
    PageEntry(
        "settings",
        "Settings",
        ":material/settings:",
        "Symbols, retention, alerts, appearance, environment variables, and the change log.",
    ),
)
