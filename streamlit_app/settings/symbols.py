"""Symbols: which are tracked, another one that the exchange lists, one fewer, one again."""

from functools import partial

import streamlit as st

from crypto_assets.errors import CryptoAssetsError, WrongUse
from crypto_assets.market.symbols import SymbolStatus, parse_symbol
from crypto_assets.market.utc_time import from_epoch_ms
from crypto_assets.pipeline.control import admin
from crypto_assets.warehouse import RegisteredSymbol
from streamlit_app import data
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.components import notices
from streamlit_app.data import app_settings


def render_symbol_settings(allowed: bool) -> None:
    """Raises WarehouseError."""
    known = app_settings.query_symbols()
    _render_add_form({one.name for one in known if one.is_tracked}, allowed)
    _render_cards([one for one in known if one.is_tracked], allowed)
    if retired := [one for one in known if not one.is_tracked]:
        st.markdown("**Not tracked any more.** What is held of them stays.")
        _render_cards(retired, allowed)


def _render_add_form(tracked: set[str], allowed: bool) -> None:
    with st.container():  # a warning that comes or goes there moves nothing that is being typed
        offered = _list_addable_symbols(tracked)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Add a symbol",
            offered,
            index=None,
            placeholder="Search, or type a name as in BTCUSDT",
            accept_new_options=True,
            filter_mode="contains",
            # Another one once it is tracked: what was typed must not stay.
            key=f"new_symbol_{len(tracked)}",
            width=340,
        )
        asked = st.button(
            "Add",
            icon=":material/add:",
            type="primary",
            key="add_symbol",
            disabled=not allowed or not name,
        )
    st.caption(
        "The exchange is asked whether it lists the symbol. Then its candles come with the next "
        "tick, and its history is backfilled by itself within a minute."
    )
    if asked and name:
        run_action(partial(_track_symbol, name))


def _list_addable_symbols(tracked: set[str]) -> list[str]:
    try:
        return [name for name in app_settings.query_listed_symbols() if name not in tracked]
    except CryptoAssetsError as error:
        st.warning(
            f"**The exchange does not tell what it lists.** {notices.format_sentence(str(error))} "
            "A name can be typed still, and is added when the exchange confirms it.",
            icon=":material/cloud_off:",
        )
        return []


def _track_symbol(name: str, who: str) -> str:
    added = admin.track_symbols(app_settings.get_interactive_context(), [name], who)
    if not added:
        raise WrongUse(f"{parse_symbol(name)} is tracked already")
    return f"{added[0]} is tracked: it is backfilled by itself within a minute."


def _render_cards(shown: list[RegisteredSymbol], allowed: bool) -> None:
    with st.grid(4, min_column_width=240):
        for one in shown:
            _render_card(one, allowed)


def _render_card(one: RegisteredSymbol, allowed: bool) -> None:
    with st.container(border=True, height="stretch", gap="xsmall", key=f"symbol_{one.name}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(f"**{one.base} / {one.quote}**", width="content")
            _render_status_badge(one)
        st.caption(f"{one.name}, {_format_tracking(one)}")
        if one.is_tracked:
            if st.button(
                "Retire",
                icon=":material/remove_circle:",
                key=f"retire_{one.name}",
                disabled=not allowed,
            ):
                _confirm_untracking(one)
        elif st.button(
            "Take up again", icon=":material/replay:", key=f"again_{one.name}", disabled=not allowed
        ):
            confirm_action(
                f"Track {one.name} again?",
                "Its candles come with the next tick. What it missed is backfilled by itself.",
                "Track it again",
                partial(_track_symbol, one.name),
            )


def _confirm_untracking(one: RegisteredSymbol) -> None:
    confirm_action(
        f"Retire {one.name}?",
        "Nothing new is fetched of it. What is held of it stays and can be read, and it may be "
        "taken up again at any time.",
        "Retire it",
        partial(_untrack_symbol, one.name),
    )


def _untrack_symbol(name: str, who: str) -> str:
    admin.untrack_symbol(data.get_pipeline_context(), name, who)
    return f"{name} is tracked no longer; its data stays."


def _format_tracking(one: RegisteredSymbol) -> str:
    if one.active_until:
        return f"retired {from_epoch_ms(one.active_until):%d %b %Y}"
    return f"tracked since {from_epoch_ms(one.active_since):%d %b %Y}"


def _render_status_badge(one: RegisteredSymbol) -> None:
    if not one.is_tracked:
        st.badge("Retired", color="gray")
    elif one.status is SymbolStatus.TRADING:
        st.badge("Trading", color="blue")
    else:
        st.badge(one.status.value.replace("_", " ").capitalize(), color="orange")
