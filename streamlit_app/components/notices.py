"""What a page says instead of a traceback: what is wrong, and what to do about it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import streamlit as st

from crypto_assets.errors import (
    CryptoAssetsError,
    ExchangeError,
    ExchangeUnavailable,
    LakeError,
    OrchestratorError,
    WarehouseNotReady,
    WarehouseTooNew,
    WarehouseUnavailable,
)
from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.settings import get_settings
from streamlit_app import data

_ERROR_TITLES = {
    WarehouseNotReady: "The warehouse is not set up yet",
    WarehouseTooNew: "The warehouse is newer than this program",
    WarehouseUnavailable: "The warehouse does not answer",
    OrchestratorError: "Dagster cannot be asked",
    ExchangeUnavailable: "The exchange does not answer",
    ExchangeError: "The exchange refuses",
    LakeError: "The lake cannot be read",
}
_UNAVAILABLE_TEXTS = {
    data.DAGSTER: "Dagster is away: nothing is loaded until it runs.",
    data.EXCHANGE: "The exchange is away: new candles come when it answers again.",
}
_SUGGESTED_DAYS = 30
# `like this`, and what Streamlit would make a link of.
_CODE = re.compile(
    r"((?<!`)`[^`]+`(?!`)|(?:\b\w+://|\bwww\.)[^\s`]*[^\s`.,:;!?)\]'\"]|[^\s`]+@[^\s`]*\w)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[\\`*\[\]<>$~|&#]|(?<![^\W_])_|_(?![^\W_])|^[-+]")
_RERUN_TEXT = "This page looks again by itself every few seconds."


@contextmanager
def render_errors() -> Iterator[None]:
    """Shows an error that a person is meant to read; any other is a bug and passes through."""
    try:
        yield
    except CryptoAssetsError as error:
        render_error(error)


def render_error(error: CryptoAssetsError) -> None:
    title = next(
        (words for kind, words in _ERROR_TITLES.items() if isinstance(error, kind)),
        "This could not be read",
    )
    st.error(
        f"**{title}.** {format_sentence(str(error))}\n\n{_RERUN_TEXT}", icon=":material/cloud_off:"
    )
    if isinstance(error, WarehouseNotReady):
        st.markdown("Create the tables and register the symbols, then load some days:")
        st.code("crypto-assets init\n" + _format_backfill_command(), language="bash")


def render_unavailable_services() -> None:
    """Says which of the parts beside the warehouse do not work, and what that means."""
    for part, complaint in data.get_health().items():
        if complaint:
            st.warning(
                f"**{_UNAVAILABLE_TEXTS[part]}** {format_sentence(complaint)}",
                icon=":material/cloud_off:",
            )


def render_empty_state(what: str) -> None:
    """An empty list is good news, or not yet any; `what` is a sentence."""
    st.caption(f":material/check_circle: {what}")


def render_no_symbols() -> None:
    st.info("**No symbol is tracked yet.** Name some and register them:", icon=":material/add:")
    st.code("CRYPTO_SYMBOLS=BTCUSDT,ETHUSDT crypto-assets init", language="bash")


def render_no_candles(symbol: str) -> None:
    st.info(f"**No candles of {symbol} yet.** Load some days of them:", icon=":material/download:")
    st.code(_format_backfill_command(symbol), language="bash")
    st.caption("Or materialise its partitions in Dagster. The page fills by itself.")


def _format_backfill_command(symbols: str = "") -> str:
    """The last month, or what START_DATE leaves of it."""
    names, today = symbols or ",".join(get_settings().symbols), day_of(now_ms())
    first = max(get_settings().start_date, today - timedelta(days=_SUGGESTED_DAYS))
    return f"crypto-assets backfill --symbols {names} --from {first} --to {today}"


def format_sentence(text: str) -> str:
    """One line as a sentence. Others wrote parts of it: addresses and what stands between backticks
    look like code, and no other Markdown in it is interpreted, so that it links nowhere."""
    line = " ".join(text.split())
    shown = line if line.startswith("http") else line[:1].upper() + line[1:]
    ended = shown + ("" if shown.endswith((".", "!", "?")) else ".")
    return "".join(
        f"`{part.strip('`')}`" if at % 2 else _MARKUP.sub(r"\\\g<0>", part)
        for at, part in enumerate(_CODE.split(ended))
    )


@st.fragment(run_every="5s")
def rerun_when_ready() -> None:
    """Runs the whole page anew as soon as its inputs can be read."""
    try:
        data.query_instruments()
    except CryptoAssetsError:
        return
    st.rerun()
