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

MAX_DAYS = 31
_OFFERED_DAYS = 7
_RESULT = "verified"
_KINDS = "each hour and day with the exchange's own, and with our minutes and the lake behind them"


@dataclass(frozen=True)
class _Result:
    symbol: str
    first: date
    last: date
    found: VerificationResult


@st.fragment
def show() -> None:
    with notices.in_words():
        names = [one.symbol for one in data.instruments()]
        if not names:
            notices.no_symbols()
            return
        allowed = auth.gate()
        today = day_of(now_ms())
        with (
            st.form("verify", border=False),
            st.container(horizontal=True, vertical_alignment="bottom"),
        ):
            symbol = st.selectbox("Symbol", names, key="verify_symbol", width=180)
            first = st.date_input(
                "From", today - timedelta(days=_OFFERED_DAYS - 1), key="verify_from", width=150
            )
            last = st.date_input("To", today, key="verify_to", width=150)
            asked = st.form_submit_button(
                "Verify", icon=":material/rule:", type="primary", disabled=not allowed
            )
        st.caption(f"Compares {_KINDS}; at most {MAX_DAYS} days at once, in UTC.")
        if asked:
            st.session_state.pop(_RESULT, None)
            _try(symbol, first, last)
        if result := st.session_state.get(_RESULT):
            _outcome(result)


def _try(symbol: str, first: date, last: date) -> None:
    """Of those alone who may change things: each press asks much of the exchange."""
    try:
        auth.require()
        _run(symbol, first, last)
    except CryptoAssetsError as error:
        st.error(
            f"**This could not be verified.** {notices.sentence(str(error))}",
            icon=":material/error:",
        )


def _run(symbol: str, first: date, last: date) -> None:
    days = list(Window.of_days(first, last).iter_days())
    if not 1 <= len(days) <= MAX_DAYS:
        st.warning(f"Choose 1 to {MAX_DAYS} days, the first before the last.")
        return
    found = VerificationResult()
    bar = st.progress(0.0, "Asking the exchange ...")
    try:
        platform = app_settings.hasty_platform()
        require_stores_ready(platform)
        for done, day in enumerate(days):
            bar.progress(done / len(days), f"{symbol}, {day:%-d %b %Y} ({done + 1} of {len(days)})")
            found += verify_symbol(platform, symbol, Window.of_day(day))
    finally:
        bar.empty()
    st.session_state[_RESULT] = _Result(symbol, first, last, found)


def _outcome(result: _Result) -> None:
    found = result.found
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
        _differences(found.differences)
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
        conflicts.show_table([*found.conflicts])
    if found.explained:
        with st.expander(f"{len(found.explained):,} more that a known revision explains"):
            st.code("\n".join(str(each) for each in found.explained), None)


def _differences(differences: tuple[Difference, ...]) -> None:
    if not differences:
        return
    tables.show(
        tables.frame(
            {
                "interval": str(each.interval),
                "at": format_utc(each.open_time),
                "column": each.column,
                "ours": _figure(each, each.ours),
                "theirs": _figure(each, each.theirs),
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


def _figure(difference: Difference, value: object) -> str:
    if value is None:
        return "is not there"
    return "is there" if difference.column == "candle" else str(value)
