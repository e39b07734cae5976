"""Symbols: add one, stop tracking, resume tracking."""

from functools import partial

import streamlit as st

from crypto_assets.errors import CryptoAssetsError, WrongUse
from crypto_assets.market.symbols import SymbolStatus, parse_symbol
from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.pipeline.control import admin
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import RegisteredSymbol
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.components import notices
from streamlit_app.data import app_settings
from streamlit_app.format import dates

_MAX_NAMED_MATCHES = 8


def render_symbol_settings(can_write: bool) -> None:
    """Draw the form and the cards. Raises WarehouseError."""
    symbols = app_settings.query_symbols()
    tracked = [symbol for symbol in symbols if symbol.is_tracked]
    _render_add_form({symbol.name for symbol in tracked}, can_write)
    _render_cards(tracked, can_write)
    if untracked := [symbol for symbol in symbols if not symbol.is_tracked]:
        st.markdown("**Not tracked.** Their data is kept.")
        _render_cards(untracked, can_write)


def _render_add_form(tracked: set[str], can_write: bool) -> None:
    # A container, so that a warning that comes and goes does not move the input below.
    with st.container():
        options = _list_addable_symbols(tracked)
    start = get_settings().start_date
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Add a symbol",
            options,
            index=None,
            placeholder="Search, or enter a name such as BTCUSDT",
            accept_new_options=True,
            filter_mode="contains",
            # A new key after each added symbol, to discard the typed text.
            key=f"new_symbol_{len(tracked)}",
            width=340,
        )
        clicked = st.button(
            "Add",
            icon=":material/add:",
            type="primary",
            key="add_symbol",
            disabled=not can_write or not name,
        )
    st.caption(
        f"History since {dates.format_day(start)} "
        f"({(day_of(now_ms()) - start).days + 1:,} days) downloads automatically."
    )
    if clicked and name:
        run_action(partial(_track_typed_symbol, name, options))


def _list_addable_symbols(tracked: set[str]) -> list[str]:
    try:
        return [name for name in app_settings.query_listed_symbols() if name not in tracked]
    except CryptoAssetsError as error:
        st.warning(
            f"**Cannot load the exchange's symbols.** {notices.format_sentence(str(error))} "
            "You can still enter a name.",
            icon=":material/cloud_off:",
        )
        return []


def _track_typed_symbol(text: str, listed: list[str], who: Author) -> str:
    """Track a listed symbol, also if only the beginning of its name was typed.

    Raises WrongUse, which names the symbols that begin so if there are several.
    """
    typed = text.strip().upper()
    matches = [name for name in listed if name.startswith(typed)]
    if typed in listed or not matches:
        return _track_symbol(text, who)
    if len(matches) > 1:
        named = ", ".join(matches[:_MAX_NAMED_MATCHES])
        raise WrongUse(f"{typed} is not a symbol; choose one of: {named}")
    return _track_symbol(matches[0], who)


def _track_symbol(name: str, who: Author) -> str:
    added = admin.track_symbols(app_settings.get_interactive_context(), [name], who)
    if not added:
        raise WrongUse(f"{parse_symbol(name)} is already tracked")
    return f"{added[0]} is tracked. Its history downloads automatically."


def _render_cards(symbols: list[RegisteredSymbol], can_write: bool) -> None:
    with st.grid(4, min_column_width=240):
        for symbol in symbols:
            _render_card(symbol, can_write)


def _render_card(symbol: RegisteredSymbol, can_write: bool) -> None:
    name, base, quote = map(notices.escape_markdown, (symbol.name, symbol.base, symbol.quote))
    with st.container(border=True, height="stretch", gap="xsmall", key=f"symbol_{symbol.name}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(f"**{base} / {quote}**", width="content")
            _render_status_badge(symbol)
        st.caption(f"{name}, {_format_tracking(symbol)}")
        if symbol.is_tracked:
            if st.button(
                f"Stop tracking {base}",
                icon=":material/remove_circle:",
                key=f"retire_{symbol.name}",
                disabled=not can_write,
            ):
                _confirm_untracking(symbol)
        elif st.button(
            f"Resume tracking {base}",
            icon=":material/replay:",
            key=f"again_{symbol.name}",
            disabled=not can_write,
        ):
            confirm_action(
                f"Resume tracking {name}?",
                "New candles load with the next tick. Missed history downloads automatically.",
                "Resume tracking",
                partial(_track_symbol, symbol.name),
            )


def _confirm_untracking(symbol: RegisteredSymbol) -> None:
    confirm_action(
        f"Stop tracking {notices.escape_markdown(symbol.name)}?",
        "No new data is fetched. Stored data is kept and readable, and you can resume tracking at "
        "any time.",
        "Stop tracking",
        partial(_untrack_symbol, symbol.name),
    )


def _untrack_symbol(name: str, who: Author) -> str:
    admin.untrack_symbol(data.get_pipeline_context(), name, who)
    return f"{name} is no longer tracked. Its data is kept."


def _format_tracking(symbol: RegisteredSymbol) -> str:
    if symbol.active_until:
        return f"not tracked since {dates.format_day(day_of(symbol.active_until))}"
    return f"tracked since {dates.format_day(day_of(symbol.active_since))}"


def _render_status_badge(symbol: RegisteredSymbol) -> None:
    if not symbol.is_tracked:
        st.badge("Not tracked", color="gray")
    elif symbol.status is SymbolStatus.TRADING:
        st.badge("Trading", color="blue")
    else:
        st.badge(symbol.status.value.replace("_", " ").capitalize(), color="orange")
