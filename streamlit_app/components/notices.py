"""Notices of errors, unavailable services, and empty states, each with what to do."""

import re
from collections.abc import Iterator, Sequence
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
from crypto_assets.shown_command import format_command
from streamlit_app import data
from streamlit_app.data.analytics import ChartResult, get_providers

_ERROR_TITLES = {
    WarehouseNotReady: "The warehouse is not set up yet",
    WarehouseTooNew: "The warehouse is newer than this program",
    WarehouseUnavailable: "Cannot reach the warehouse",
    OrchestratorError: "Cannot reach Dagster",
    ExchangeUnavailable: "Cannot reach the exchange",
    ExchangeError: "The exchange rejected the request",
    LakeError: "Cannot read the lake",
}
_UNAVAILABLE_TEXTS = {
    data.DAGSTER: "Dagster unavailable. No data is loaded until it runs.",
    data.EXCHANGE: "Exchange unreachable. Data resumes automatically.",
}
_SUGGESTED_DAYS = 30
# Text in backticks, and text that Streamlit would turn into a link.
_CODE = re.compile(
    r"((?<!`)`[^`]+`(?!`)|(?:\b\w+://|\bwww\.)[^\s`]*[^\s`.,:;!?)\]'\"]|[^\s`]+@[^\s`]*\w)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[\\`*\[\]<>$~|&#]|:(?=[A-Za-z])|(?<![^\W_])_|_(?![^\W_])|^[-+]")
# Where Streamlit would begin a link in text whose Markdown is escaped.
_LINK_START = re.compile(r"(?<=\bwww)(?=\.)|(?<=:)(?=//)|(?<=@)(?=\S)", re.IGNORECASE)
_WORD_JOINER = "\N{WORD JOINER}"  # invisible
_RERUN_TEXT = "This page retries automatically every few seconds."


@contextmanager
def render_errors() -> Iterator[None]:
    """Show errors of this project as a notice; other exceptions are bugs and propagate."""
    try:
        yield
    except CryptoAssetsError as error:
        render_error(error)


def render_error(error: CryptoAssetsError) -> None:
    """Show an error with a title, and the commands that fix it if there are any."""
    title = next(
        (title for kind, title in _ERROR_TITLES.items() if isinstance(error, kind)),
        "Cannot read the data",
    )
    st.error(
        f"**{title}.** {format_sentence(str(error))}\n\n{_RERUN_TEXT}", icon=":material/cloud_off:"
    )
    if isinstance(error, WarehouseNotReady):
        st.markdown("Create the tables, register the symbols, and load some days:")
        st.code(f"{format_command('init')}\n{_format_backfill_command()}", language="bash")


@st.fragment(run_every="5s")
def render_unavailable_services() -> None:
    """Warn about Dagster and the exchange while they are unavailable; refreshes itself."""
    for service, problem in data.get_health().items():
        if problem:
            st.warning(
                f"**{_UNAVAILABLE_TEXTS[service]}** {format_sentence(problem)}",
                icon=":material/cloud_off:",
            )


def render_provider_errors(result: ChartResult) -> None:
    """Warn about each provider that could not be computed."""
    for (name, _), error in result.provider_errors.items():
        reason = error.removeprefix(f"{name}: ")
        st.warning(f"**Cannot draw {get_providers()[name].title}.** {format_sentence(reason)}")


def render_problems(problems: Sequence[str]) -> None:
    """Warn about the problems of the page's address."""
    sentences = [format_sentence(problem) for problem in problems]
    if sentences:
        text = sentences[0] if len(sentences) == 1 else "\n".join(f"- {one}" for one in sentences)
        st.warning(text, icon=":material/link_off:")


def render_empty_state(text: str) -> None:
    """Show a sentence instead of an empty list."""
    st.caption(f":material/info: {text}")


def render_no_symbols() -> None:
    """Show how to track the first symbols."""
    st.info("**No tracked symbols.** Add one on the Settings page, or run:", icon=":material/add:")
    st.code(f"CRYPTO_SYMBOLS=BTCUSDT,ETHUSDT {format_command('init')}", language="bash")


def render_no_candles(symbol: str) -> None:
    """Show how to load the candles of a symbol that has none."""
    st.info(
        f"**No candles of {escape_markdown(symbol)} yet.** They load automatically while Dagster "
        "runs: the Scheduler page shows the progress. To load some days at once, start a backfill "
        "there, or run:",
        icon=":material/download:",
    )
    st.code(_format_backfill_command(symbol), language="bash")
    st.caption("This page updates automatically.")


def _format_backfill_command(symbols: str = "") -> str:
    """Return the command that loads the last 30 days, not before START_DATE."""
    names, today = symbols or ",".join(get_settings().symbols), day_of(now_ms())
    first = max(get_settings().start_date, today - timedelta(days=_SUGGESTED_DAYS))
    return format_command("backfill", "--symbols", names, "--from", f"{first}", "--to", f"{today}")


def format_sentence(text: str) -> str:
    """Format a message as one sentence in Markdown.

    Parts of a message come from other programs: addresses and text in backticks become code, and
    all other Markdown is escaped, so that no message contains a link.
    """
    line = " ".join(text.split())
    sentence = line if line.startswith("http") else line[:1].upper() + line[1:]
    sentence += "" if sentence.endswith((".", "!", "?")) else "."
    return "".join(
        f"`{part.strip('`')}`" if index % 2 else _MARKUP.sub(r"\\\g<0>", part)
        for index, part in enumerate(_CODE.split(sentence))
    )


def escape_markdown(text: str) -> str:
    """Escape a value from data, such as a name that the exchange gives, for use in Markdown.

    It is shown as it is: without a link, an image or any other markup.
    """
    return _MARKUP.sub(r"\\\g<0>", _LINK_START.sub(_WORD_JOINER, " ".join(text.split())))


@st.fragment(run_every="5s")
def rerun_when_ready() -> None:
    """Rerun the whole page when its inputs can be read."""
    try:
        data.query_instruments()
    except CryptoAssetsError:
        return
    st.rerun()
