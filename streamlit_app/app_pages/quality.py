"""Quality: how far what is held can be trusted, day by day, and what was wrong."""

import streamlit as st

from streamlit_app.quality import (
    calendar,
    checks,
    conflicts,
    gap_ledger,
    quarantine,
    revisions,
    summary,
    verification,
)

_PARTS = {
    "Calendar": calendar.show,
    "Gaps": gap_ledger.show,
    "Revisions": revisions.show,
    "Conflicts": conflicts.show,
    "Quarantine": quarantine.show,
    "Checks": checks.show,
    "Verify": verification.show,
}

summary.show()
for tab, show in zip(
    st.tabs(list(_PARTS), key="part", on_change="rerun", bind="query-params"),
    _PARTS.values(),
    strict=True,
):
    if tab.open:
        with tab:
            show()
