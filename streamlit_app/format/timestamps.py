"""Instants as people read them: how long since, how long until, and the time of day, in UTC."""

from datetime import timedelta

from crypto_assets.market.utc_time import DAY_MS, from_epoch_ms, now_ms
from streamlit_app.format import humanize


def format_time_since(at_ms: int) -> str:
    """`12 s ago`."""
    return f"{humanize.format_duration(timedelta(milliseconds=now_ms() - at_ms))} ago"


def format_time_until(at_ms: int) -> str:
    """`in 3 min`, or `now` where it is due."""
    left = at_ms - now_ms()
    return f"in {humanize.format_duration(timedelta(milliseconds=left))}" if left >= 1000 else "now"


def format_timestamp(at_ms: int) -> str:
    """`14:05 UTC`, with its date where that is more than a day away."""
    far = abs(at_ms - now_ms()) >= DAY_MS
    return f"{from_epoch_ms(at_ms):%d %b %H:%M} UTC" if far else f"{from_epoch_ms(at_ms):%H:%M} UTC"
