"""Verify on demand: a symbol's hours and days, over some days, against the exchange's own."""

from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window, day_of, format_utc, now_ms
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.reconciliation.diff import Difference
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from streamlit_app import auth, data
from streamlit_app.components import notices, tables
from streamlit_app.data import app_settings
from streamlit_app.quality import conflicts

MAX_VERIFIED_DAYS = 31
_SUGGESTED_DAYS = 7
_RESULT_KEY = "verified"
_COMPARED_TEXT = (
    "each hour and day with the exchange's own, and with our minutes and the lake behind them"
)


@dataclass(frozen=True)
class _VerifyResult:
    symbol: str
    first: date
    last: date
    verified: VerificationResult


@st.fragment
def render_verification() -> None:
    with notices.render_errors():
        names = [one.symbol for one in data.query_instruments()]
        if not names:
            notices.render_no_symbols()
            return
        allowed = auth.render_write_gate()
        today = day_of(now_ms())
        with (
            st.form("verify", border=False),
            st.container(horizontal=True, vertical_alignment="bottom"),
        ):
            symbol = st.selectbox("Symbol", names, key="verify_symbol", width=180)
            first = st.date_input(
                "From", today - timedelta(days=_SUGGESTED_DAYS - 1), key="verify_from", width=150
            )
            last = st.date_input("To", today, key="verify_to", width=150)
            asked = st.form_submit_button(
                "Verify", icon=":material/rule:", type="primary", disabled=not allowed
            )
        st.caption(f"Compares {_COMPARED_TEXT}; at most {MAX_VERIFIED_DAYS} days at once, in UTC.")
        if asked:
            st.session_state.pop(_RESULT_KEY, None)
            _verify_if_allowed(symbol, first, last)
        if result := st.session_state.get(_RESULT_KEY):
            _render_result(result)


def _verify_if_allowed(symbol: str, first: date, last: date) -> None:
    """Of those alone who may change things: each press asks much of the exchange."""
    try:
        auth.require_write_access()
        _verify_days(symbol, first, last)
    except CryptoAssetsError as error:
        st.error(
            f"**This could not be verified.** {notices.format_sentence(str(error))}",
            icon=":material/error:",
        )


def _verify_days(symbol: str, first: date, last: date) -> None:
    days = list(Window.of_days(first, last).iter_days())
    if not 1 <= len(days) <= MAX_VERIFIED_DAYS:
        st.warning(f"Choose 1 to {MAX_VERIFIED_DAYS} days, the first before the last.")
        return
    found = VerificationResult()
    bar = st.progress(0.0, "Asking the exchange ...")
    try:
        platform = app_settings.get_interactive_context()
        require_stores_ready(platform)
        for done, day in enumerate(days):
            bar.progress(done / len(days), f"{symbol}, {day:%-d %b %Y} ({done + 1} of {len(days)})")
            found += verify_symbol(platform, symbol, Window.of_day(day))
    finally:
        bar.empty()
    st.session_state[_RESULT_KEY] = _VerifyResult(symbol, first, last, found)


def _render_result(result: _VerifyResult) -> None:
    found = result.verified
    span = f"{result.symbol}, {result.first:%-d %b %Y} to {result.last:%-d %b %Y}"
    compared = f"{found.compared:,} hours and days and {found.minutes:,} minutes of the lake"
    if not found.compared:
        st.info(f"**{span}: there is nothing to compare yet.**", icon=":material/hourglass_empty:")
    elif found.passed:
        st.success(f"**{span}: equal.** {compared} compared.", icon=":material/check_circle:")
    else:
        st.error(
            f"**{span}: {len(found.differences):,} differences.** {compared} compared; "
            f"{len(found.lost):,} objects lost.",
            icon=":material/error:",
        )
        _render_differences(found.differences)
    for lost in found.lost:
        st.markdown(f"- The lake has lost `{lost}`")
    for window in found.not_loaded:
        st.markdown(f"- Not loaded: {window}")
    if found.recut:
        st.markdown(f"- {found.recut:,} periods compared as the exchange cut them, off the grid")
    if found.conflicts:
        st.info(
            f"**The exchange contradicts itself in {len(found.conflicts):,} hours and days:** "
            "none of its minutes give them. These are no differences of ours.",
            icon=":material/balance:",
        )
        conflicts.render_conflict_table([*found.conflicts])
    if found.explained:
        with st.expander(f"{len(found.explained):,} more that a known revision explains"):
            st.code("\n".join(str(each) for each in found.explained), None)


def _render_differences(differences: tuple[Difference, ...]) -> None:
    if not differences:
        return
    tables.render_table(
        tables.build_table_frame(
            {
                "interval": str(each.interval),
                "at": format_utc(each.open_time),
                "column": each.column,
                "ours": _format_figure(each, each.ours),
                "theirs": _format_figure(each, each.theirs),
                "against": str(each.against),
            }
            for each in differences
        ),
        {
            "interval": st.column_config.TextColumn("Interval", width="small"),
            "at": st.column_config.TextColumn("Opens (UTC)"),
            "column": st.column_config.TextColumn("Figure"),
            "ours": st.column_config.TextColumn("Ours", alignment="right"),
            "theirs": st.column_config.TextColumn("The other", alignment="right"),
            "against": st.column_config.TextColumn("Whose the other is"),
        },
        "Differences found",
    )


def _format_figure(difference: Difference, value: object) -> str:
    if value is None:
        return "is not there"
    return "is there" if difference.column == "candle" else str(value)
