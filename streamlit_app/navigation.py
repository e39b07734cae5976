"""The pages of the app, in the order in which they stand in its navigation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageEntry:
    """A page: its file in `app_pages/` (and its address), title, icon, and what it is for."""

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
        "Every tracked symbol at a glance: price, 24 hours, totals, what needs attention.",
    ),
    PageEntry(
        "analytics",
        "Analytics",
        ":material/candlestick_chart:",
        "Candles with volume and indicators, from a minute to a week, over any range.",
    ),
    PageEntry(
        "pipeline",
        "Pipeline",
        ":material/account_tree:",
        "The way of the data with live counts: runs, ingestion log, storage, and every row held.",
    ),
    PageEntry(
        "quality",
        "Quality",
        ":material/fact_check:",
        "What is complete, what is missing and why, what changed, and what was set aside.",
    ),
    PageEntry(
        "scheduler",
        "Scheduler",
        ":material/schedule:",
        "What runs by itself, when it ran last and runs next; backfills asked for and watched.",
    ),
    PageEntry(
        "settings",
        "Settings",
        ":material/settings:",
        "Symbols, retention, alerts and appearance; what the environment says; who changed what.",
    ),
)
