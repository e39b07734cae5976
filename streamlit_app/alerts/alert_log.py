"""The log of price alerts: when each fired, at which value, and who has received it."""

import streamlit as st

from crypto_assets.market.price_alerts import format_value
from crypto_assets.warehouse.catalog.price_alerts import EventKind, PriceAlertEvent
from streamlit_app.components import notices, tables
from streamlit_app.data import price_alerts as queries


@st.fragment(run_every="10s")
def render_alert_log() -> None:
    with notices.render_errors():
        events = queries.query_events()
        st.subheader("Log", anchor=False)
        if not events:
            notices.render_empty_state("No alert has fired.")
            return
        tables.render_table(
            tables.build_table_frame(map(_build_row, events), ["fired_at", "closed_at"]),
            {
                "fired_at": tables.time_column("Fired (UTC)"),
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "condition": st.column_config.TextColumn("Condition", width="large"),
                "value": st.column_config.TextColumn("Value", alignment="right"),
                "closed_at": tables.time_column("Candle closed (UTC)"),
                "delivery": st.column_config.TextColumn("Delivery", width="medium"),
            },
            "Price alerts that fired",
        )
        if len(events) == queries.MAX_LISTED_EVENTS:
            st.caption(f"Showing the newest {queries.MAX_LISTED_EVENTS:,}.")


def _build_row(event: PriceAlertEvent) -> dict[str, object]:
    undone = "undone by a revision: " if event.kind is EventKind.UNDONE else ""
    return {
        "fired_at": event.fired_at,
        "symbol": event.symbol,
        "condition": undone + event.wording,
        "value": "" if event.value is None else format_value(event.value),
        "closed_at": event.close_time + 1,
        "delivery": format_delivery(event),
    }


def format_delivery(event: PriceAlertEvent) -> str:
    """Format which targets have received an event, or why none has."""
    received = f"sent to {', '.join(event.sent_to)}" if event.sent_to else ""
    failure = f"not sent: {event.failure}" if event.failure else ""
    if event.sent_at is None:
        pending = "will be tried again" if event.failure else "waiting to be sent"
        return "; ".join(filter(None, [received, failure, pending]))
    return "; ".join(filter(None, [received, failure]))
