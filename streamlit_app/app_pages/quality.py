"""Quality: the period, its coverage in figures, and a tab per kind of finding."""

from streamlit_app.components.tabs import render_tabs
from streamlit_app.quality import (
    calendar,
    checks,
    conflicts,
    gap_ledger,
    period,
    quarantine,
    revisions,
    summary,
    verification,
)

_PARTS = {
    "Calendar": calendar.render_coverage_calendar,
    "Gaps": gap_ledger.render_gap_ledger,
    "Revisions": revisions.render_revisions,
    "Conflicts": conflicts.render_conflicts,
    "Quarantine": quarantine.render_quarantine,
    "Checks": checks.render_asset_checks,
    "Verify": verification.render_verification,
}

period.render_period_control()
summary.render_quality_summary()
render_tabs(_PARTS)
