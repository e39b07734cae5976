"""The chart of one symbol as its page shows it: the day, candles, and what is missing."""

import streamlit as st

from crypto_assets.market.clock import from_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.reports import Answer, CandleSeries, Chart, Gap, Instrument, Statistics
from streamlit_app import charts, data, notices, ranges, words
from streamlit_app.data import Switches

_CONFIG = {"scrollZoom": True, "displaylogo": False, "doubleClick": "reset+autosize"}
_REASONS = {
    "outage": "Outage",
    "not_listed": "Not listed yet",
    "delisted": "Delisted",
    "archive_late": "Archive is late",
    "open": "Missing, being asked for again",
    None: "Missing, not explained yet",
}


def show(about: Instrument, interval: Interval, reach: ranges.Range, switches: Switches) -> None:
    drawn = ranges.drawable(interval, reach)
    shown = data.chart(about.symbol, drawn, switches, ranges.candles(drawn, reach))
    if not shown.candles.table.num_rows:
        notices.no_candles(about.symbol)
        return
    day = data.statistics_24h(about.symbol)
    if day is not None:
        _figures(day, about)
    holes = [_hole(gap) for gap in shown.candles.gaps]
    figure = charts.candle_chart(
        shown.candles.frame,
        charts.ChartFrame(about.symbol, drawn, about.digits),
        overlays=_overlays(shown),
        holes=holes,
        uirevision=f"{about.symbol} {drawn} {reach}",
    )
    st.plotly_chart(
        figure,
        height=560,
        key="candles",
        config=_CONFIG,
        alt=f"{about.symbol} candles of {drawn} with volume",
    )
    _footnotes(shown.candles, interval, drawn, holes)


def _figures(day: Statistics, about: Instrument) -> None:
    price = {
        name: words.price(float(value), about.digits)
        for name, value in (("last", day.last), ("high", day.high), ("low", day.low))
    }
    with st.container(horizontal=True, gap="large"):
        change = words.percent(float(day.change_ratio)) if day.change else 0
        st.metric(f"{about.base} / {about.quote}", price["last"], change, width="content")
        st.metric("24 h high", price["high"], width="content")
        st.metric("24 h low", price["low"], width="content")
        volume = words.compact(float(day.volume))
        st.metric("24 h volume", f"{volume} {about.base}", width="content")


def _overlays(shown: Chart) -> list[charts.Overlay]:
    return [
        charts.Overlay(_line_name(answer, column), answer.value[column])
        for answer in shown.answers
        for column in answer.value.columns
    ]


def _line_name(answer: Answer, column: str) -> str:
    """`SMA 20`, `BOLLINGER 20 2.0 upper`: the provider, its parameters, and which of its lines."""
    words = [answer.provider.upper(), *(str(value) for value in answer.params.values())]
    return " ".join(words if column == answer.provider else [*words, column])


def _hole(gap: Gap) -> charts.Hole:
    return charts.Hole(gap.window, charts.hole_words(_REASONS[gap.gap_class], gap.window))


def _footnotes(
    series: CandleSeries, asked: Interval, drawn: Interval, holes: list[charts.Hole]
) -> None:
    frame = series.frame
    first, last = (from_ms(int(frame["open_time"].iloc[end])) for end in (0, -1))
    notes = [
        f"{len(frame):,} candles of {drawn}, {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} UTC"
    ]
    if drawn is not asked:
        notes.append(f"{asked} would be too many candles for this range, so they are of {drawn}")
    if frame["forming"].iloc[-1]:
        notes.append("the last one, drawn hollow, is still forming")
    st.caption(". ".join(note[:1].upper() + note[1:] for note in notes) + ".")
    if holes:
        with st.expander(f"{len(holes)} shaded: no candles there", icon=":material/grid_off:"):
            st.markdown("\n".join(f"- {hole.words}" for hole in holes))
