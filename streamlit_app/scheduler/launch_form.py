"""Asks for a backfill: symbols and days, what that will be, and the button that launches it."""

from datetime import date, timedelta
from functools import partial

import streamlit as st

from crypto_assets.errors import CryptoAssetsError, ExchangeError
from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.pipeline.control import admin
from crypto_assets.settings import get_settings
from streamlit_app import data
from streamlit_app.actions import run_action
from streamlit_app.components import notices
from streamlit_app.data import app_settings, scheduler
from streamlit_app.format import humanize

_SUGGESTED_DAYS = 7


def render_backfill_form(allowed: bool) -> None:
    """Raises WarehouseError."""
    tracked = [one.name for one in app_settings.query_symbols() if one.is_tracked]
    if not tracked:
        st.info("No symbol is tracked yet: add one on the page Settings.", icon=":material/add:")
        return
    symbols = st.multiselect(
        "Symbols", tracked, placeholder=f"All {len(tracked)} tracked symbols", key="symbols"
    )
    first, last = _render_day_inputs()
    try:
        planned = scheduler.query_backfill_preview(tuple(symbols), first, last)
    except CryptoAssetsError as error:
        st.warning(notices.format_sentence(str(error)), icon=":material/info:")
        return
    _render_estimate(planned)
    if st.button(
        "Launch backfill",
        type="primary",
        icon=":material/rocket_launch:",
        key="launch",
        disabled=not allowed,
    ):
        run_action(partial(_launch_backfill, tuple(symbols), first, last))


def _render_day_inputs() -> tuple[date, date]:
    today, start = _get_today(), get_settings().start_date
    with st.container(horizontal=True):
        first = st.date_input(
            "From (UTC day)",
            max(start, today - timedelta(days=_SUGGESTED_DAYS)),
            min_value=start,
            max_value=today,
            format="YYYY-MM-DD",
            key="from",
            width=150,
        )
        last = st.date_input(
            "To, inclusive",
            max(start, today - timedelta(days=1)),
            min_value=start,
            max_value=today,
            format="YYYY-MM-DD",
            key="to",
            width=150,
        )
    return first, last


def _get_today() -> date:
    try:
        return scheduler.get_exchange_day()
    except ExchangeError:
        return day_of(now_ms())


def _render_estimate(planned: scheduler.BackfillPreview) -> None:
    what = planned.estimate
    time = (
        "not known" if what.duration is None else f"about {humanize.format_duration(what.duration)}"
    )
    st.markdown(
        f"**{what.partitions:,}** partitions, up to **{what.candles:,}** candles, "
        f"**{what.requests:,}** requests to the exchange, time **{time}**"
    )
    st.caption(
        f"{_explain_estimate(planned)} What is held already is read again, and nothing is doubled."
    )


def _explain_estimate(planned: scheduler.BackfillPreview) -> str:
    """What the time rests on."""
    pace = planned.pace
    if pace is None:
        return "No backfill that went well has been measured here, so its time is anybody's guess."
    measured = "the last backfill" if pace.measured == 1 else f"the last {pace.measured} backfills"
    said = f"The time is as {measured} went, of at most {pace.largest:,} partitions."
    if planned.estimate.partitions > 3 * pace.largest:
        said += " One as large has not been measured: take it as a guess."
    return said


def _launch_backfill(symbols: tuple[str, ...], first: date, last: date, who: str) -> str:
    wanted = scheduler.plan_requested_backfill(symbols, first, last)
    admin.start_backfill(data.get_pipeline_context(), data.get_orchestrator(), wanted, who)
    return f"Launched: {wanted.title}. Dagster begins within half a minute."
