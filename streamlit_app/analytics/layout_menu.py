"""The menu of saved layouts: what the address contains, under a name."""

import streamlit as st

from crypto_assets.pipeline.control.chart_layouts import (
    ChartLayout,
    LayoutFile,
    LayoutKind,
    delete_layout,
    format_layout_file,
    save_layout,
)
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import actions, auth
from streamlit_app.analytics import address
from streamlit_app.analytics.chart_request import select_chart_providers
from streamlit_app.analytics.indicator_instances import Query, is_instance_parameter
from streamlit_app.data import (
    analytics,
    app_settings,
    chart_drawings,
    get_pipeline_context,
)

_OPEN_KEY, _NAME_KEY, _KIND_KEY = "open_layout", "layout_name", "layout_kind"
# Where one has scrolled to is not part of a layout, nor is the time zone of who saves it.
_NEVER_SAVED = frozenset({"view", "dates", "tz"})
_NEVER_REMOVED = frozenset({"tz"})
_KIND_TITLES = {LayoutKind.LAYOUT: "Whole chart", LayoutKind.INDICATORS: "Indicators only"}


def render_layout_menu() -> None:
    """Draw the saved layouts, and the inputs to save one for those who may change things."""
    layouts = {layout.name: layout for layout in app_settings.query_layouts()}
    st.selectbox(
        "Open a layout",
        list(layouts),
        index=None,
        key=_OPEN_KEY,
        placeholder=f"Search {len(layouts)} layouts" if layouts else "No layouts saved yet",
        label_visibility="collapsed",
        on_change=_open_chosen_layout,
        args=(layouts,),
    )
    drawings = chart_drawings.query_all_drawings()
    if layouts or drawings:
        st.download_button(
            "Export all",
            format_layout_file(LayoutFile(list(layouts.values()), drawings)),
            "layouts.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
            help="All layouts, and the drawings of all symbols. Import the file elsewhere with "
            "`crypto-assets layouts import layouts.json`.",
        )
    if not auth.find_caller().is_operator:
        st.caption("Unlock the app to save or delete layouts.")
        return
    name = st.text_input("Name", key=_NAME_KEY, max_chars=60)
    kind = st.radio("Save", list(_KIND_TITLES), format_func=_KIND_TITLES.__getitem__, key=_KIND_KEY)
    with st.container(horizontal=True, gap="small"):
        if st.button("Save", key="save_layout", disabled=not name.strip()):
            layout = build_layout(name.strip(), LayoutKind(kind), address.read_address())
            actions.run_action(lambda viewer: _save(layout, viewer))
        if st.button("Delete", key="delete_layout", disabled=name.strip() not in layouts):
            actions.run_action(lambda viewer: _delete(name.strip(), viewer))


def build_layout(name: str, kind: LayoutKind, query: Query) -> ChartLayout:
    """Build the layout of an address."""
    parameters = {
        parameter: tuple(values)
        for parameter, values in query.items()
        if parameter not in _NEVER_SAVED
        and (kind is LayoutKind.LAYOUT or _is_indicator_parameter(parameter))
    }
    return ChartLayout(name, kind, parameters)


def build_layout_changes(layout: ChartLayout, query: Query) -> dict[str, tuple[str, ...] | None]:
    """Return the changes of an address that open a layout."""
    removed = {
        parameter: None
        for parameter in query
        if parameter not in _NEVER_REMOVED
        and (layout.kind is LayoutKind.LAYOUT or _is_indicator_parameter(parameter))
    }
    return removed | {name: tuple(values) for name, values in layout.parameters.items()}


def _is_indicator_parameter(parameter: str) -> bool:
    return is_instance_parameter(parameter, select_chart_providers(analytics.get_providers()))


def _open_chosen_layout(layouts: dict[str, ChartLayout]) -> None:
    chosen = st.session_state[_OPEN_KEY]
    st.session_state[_OPEN_KEY] = None
    if chosen is not None:
        st.session_state[_NAME_KEY] = chosen
        address.change_address(build_layout_changes(layouts[chosen], address.read_address()))


def _save(layout: ChartLayout, viewer: Author) -> str:
    save_layout(get_pipeline_context().warehouse, layout, viewer)
    return f"Layout {layout.name} saved."


def _delete(name: str, viewer: Author) -> str:
    delete_layout(get_pipeline_context().warehouse, name, viewer)
    return f"Layout {name} deleted."
