"""Verification on demand: compare a symbol's hours and days with the exchange's."""

from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window, day_of, now_ms
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.reconciliation.candle_comparer import Difference
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from streamlit_app import auth, data
from streamlit_app.components import notices, tables
from streamlit_app.data import app_settings
from streamlit_app.format import dates
from streamlit_app.quality import conflicts

MAX_VERIFIED_DAYS = 31
_SUGGESTED_DAYS = 7
_RESULT_KEY = "verified"


@dataclass(frozen=True)
class _VerifiedDays:
    symbol: str
    first: date
    last: date
    verified: VerificationResult


@st.fragment
def render_verification() -> None:
    with notices.render_errors():
        names = [instrument.symbol for instrument in data.query_instruments()]
        if not names:
            notices.render_no_symbols()
            return
        can_write = auth.render_write_gate()
        today = day_of(now_ms())
        with (
            st.form("verify", border=False),
            st.container(horizontal=True, vertical_alignment="bottom"),
        ):
            symbol = st.selectbox("Symbol", names, key="verify_symbol", width=180)
            first, last = (
                st.date_input(
                    label, day, format=dates.INPUT_DAY_FORMAT, key=f"verify_{end}", width=150
                )
                for end, label, day in (
                    ("from", "From (UTC day)", today - timedelta(days=_SUGGESTED_DAYS - 1)),
                    ("to", "To (UTC day, inclusive)", today),
                )
            )
            submitted = st.form_submit_button(
                "Verify", icon=":material/rule:", type="primary", disabled=not can_write
            )
        st.caption(
            "Compares each hour and day with the exchange's, with the stored minutes, and with the "
            f"lake. UTC days, at most {MAX_VERIFIED_DAYS} at once."
        )
        if submitted:
            st.session_state.pop(_RESULT_KEY, None)
            _verify_with_write_access(symbol, first, last)
        if result := st.session_state.get(_RESULT_KEY):
            _render_result(result)


def _verify_with_write_access(symbol: str, first: date, last: date) -> None:
    """Verify for viewers with write access only: it sends many requests to the exchange."""
    try:
        auth.require_write_access()
        _verify_days(symbol, first, last)
    except CryptoAssetsError as error:
        st.error(
            f"**Verification failed.** {notices.format_sentence(str(error))}",
            icon=":material/error:",
        )


def _verify_days(symbol: str, first: date, last: date) -> None:
    days = list(Window.of_days(first, last).iter_days())
    if not 1 <= len(days) <= MAX_VERIFIED_DAYS:
        st.warning(f"Choose 1 to {MAX_VERIFIED_DAYS} days, the start before the end.")
        return
    verified = VerificationResult()
    progress = st.progress(0.0, "Requesting data from the exchange …")
    try:
        context = app_settings.get_interactive_context()
        require_stores_ready(context)
        for done, day in enumerate(days):
            text = f"{symbol}, {dates.format_day(day)} ({done + 1} of {len(days)})"
            progress.progress(done / len(days), text)
            verified += verify_symbol(context, symbol, Window.of_day(day))
    finally:
        progress.empty()
    st.session_state[_RESULT_KEY] = _VerifiedDays(symbol, first, last, verified)


def _render_result(result: _VerifiedDays) -> None:
    verified = result.verified
    span = f"{result.symbol}, {dates.format_day_range(result.first, result.last)}"
    compared = f"{verified.compared:,} hours and days and {verified.minutes:,} minutes of the lake"
    if not verified.compared:
        st.info(f"**{span}: no data to compare yet.**", icon=":material/hourglass_empty:")
    elif verified.passed:
        st.success(
            f"**{span}: no differences.** {compared} compared.", icon=":material/check_circle:"
        )
    else:
        st.error(
            f"**{span}: {len(verified.differences):,} differences.** {compared} compared; "
            f"{len(verified.lost):,} objects missing from the lake.",
            icon=":material/error:",
        )
        _render_differences(verified.differences)
    for lost in verified.lost:
        st.markdown(f"- Missing from the lake: `{lost}`")
    for window in verified.not_loaded:
        st.markdown(f"- Not loaded: {window}")
    if verified.recut:
        st.markdown(
            f"- {verified.recut:,} periods compared at the exchange's own unaligned boundaries"
        )
    if verified.conflicts:
        st.info(
            f"**Inconsistent data of the exchange in {len(verified.conflicts):,} hours and days:** "
            "no version of the minutes matches them. They do not count as differences.",
            icon=":material/balance:",
        )
        conflicts.render_conflict_table([*verified.conflicts])
    if verified.explained:
        with st.expander(f"{len(verified.explained):,} more, explained by known revisions"):
            st.code("\n".join(str(difference) for difference in verified.explained), None)


def _render_differences(differences: tuple[Difference, ...]) -> None:
    if not differences:
        return
    tables.render_table(
        tables.build_table_frame(
            (
                {
                    "interval": str(difference.interval),
                    "at": difference.open_time,
                    "column": difference.column,
                    "ours": _format_figure(difference, difference.ours),
                    "theirs": _format_figure(difference, difference.theirs),
                    "against": str(difference.against),
                }
                for difference in differences
            ),
            ["at"],
        ),
        {
            "interval": st.column_config.TextColumn("Interval", width="small"),
            "at": tables.time_column("Opens (UTC)"),
            "column": st.column_config.TextColumn("Column"),
            "ours": st.column_config.TextColumn("Ours", alignment="right"),
            "theirs": st.column_config.TextColumn("Reference", alignment="right"),
            "against": st.column_config.TextColumn("Source of reference"),
        },
        "Differences",
    )


def _format_figure(difference: Difference, value: object) -> str:
    if value is None:
        return "missing"
    return "present" if difference.column == "candle" else str(value)
