"""The drawings on the candle chart: what the browser gets, and the changes that it reports.

An operator's drawings are in the warehouse. Those of other viewers stay in their browsers, which
never report them.
"""

from contextlib import suppress
from typing import Any

import streamlit as st

from crypto_assets.errors import CryptoAssetsError, UnknownSymbol, WrongUse
from crypto_assets.market.chart_drawings import format_drawing
from crypto_assets.pipeline.control.chart_drawings import (
    apply_drawing_changes,
    parse_drawing_changes,
)
from streamlit_app import auth
from streamlit_app.components.chart_drawings import DrawingAnswer, DrawingState
from streamlit_app.data import analytics, chart_drawings, get_pipeline_context

_ANSWER_KEY = "_drawing_answer"
_EXCHANGE_KEY = "_drawing_exchange"
_MAX_BATCH = 16  # characters


def build_drawing_state(symbol: str) -> DrawingState:
    """Return the stored drawings of a symbol, and the answer to the last report."""
    answer = st.session_state.get(_ANSWER_KEY, DrawingAnswer())
    stored = None
    # The chart reads from a replica, which may be available without the primary.
    with suppress(CryptoAssetsError):
        st.session_state[_EXCHANGE_KEY] = chart_drawings.query_exchange_name()
        # Another viewer's query may refill the cache with what was stored before the change.
        found = chart_drawings.query_drawings(symbol, answer.batch)
        stored = [format_drawing(one) for one in found]
    return DrawingState(
        symbol=symbol,
        stored=stored,
        can_save=auth.find_caller().is_operator,
        exchange=st.session_state.get(_EXCHANGE_KEY, ""),
        answer=answer,
    )


def handle_drawing_report(report: Any) -> None:
    """Store the changes of a report, `{"batch", "symbol", "saved", "removed"}`, and answer it.

    The browser sends changes again until they are answered, and after an answer that is not final:
    the warehouse may be reached later.
    """
    match report:
        case {"batch": str(batch), "symbol": str(symbol), "saved": saved, "removed": removed}:
            answer = _store_changes(batch[:_MAX_BATCH], symbol, saved, removed)
            st.session_state[_ANSWER_KEY] = answer


def _store_changes(batch: str, symbol: str, saved: Any, removed: Any) -> DrawingAnswer:
    try:
        auth.require_write_access()
        if symbol not in analytics.query_chartable_instruments():
            raise UnknownSymbol("no data of this symbol is stored")
        changes = parse_drawing_changes(symbol, saved, removed)
        apply_drawing_changes(get_pipeline_context().warehouse, changes, auth.get_viewer())
    except CryptoAssetsError as error:
        problem = f"Not saved: {str(error).rstrip('.')}."
        return DrawingAnswer(batch, problem, is_final=isinstance(error, WrongUse))
    for query in (chart_drawings.query_drawings, chart_drawings.query_all_drawings):
        query.clear()
    return DrawingAnswer(batch)
