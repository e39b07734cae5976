"""The chart of one symbol as its page shows it: the day, candles, and what is missing."""

import streamlit as st

from crypto_assets.market.clock import from_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.reports import Answer, CandleSeries, Chart, Instrument, Statistics
from streamlit_app import charts, notices, ranges, words
from streamlit_app.data import analytics
from streamlit_app.data.analytics import Switches
from streamlit_app.holes import Hole, hole
from streamlit_app.live_chart import live_chart

_ACRONYM = 4  # letters: sma, ema, vwap


def show(about: Instrument, interval: Interval, reach: ranges.Range, switches: Switches) -> None:
    drawn = ranges.drawable(interval, reach)
    shown = analytics.chart(about.symbol, drawn, switches, ranges.candles(drawn, reach))
    if not shown.candles.table.num_rows:
        notices.no_candles(about.symbol)
        return
    day = analytics.statistics_24h(about.symbol)
    if day is not None:
        _figures(day, about)
    holes = [hole(gap) for gap in shown.candles.gaps]
    figure = charts.candle_chart(
        shown.candles.frame,
        charts.ChartFrame(about.symbol, drawn, about.digits),
        overlays=_overlays(shown),
        holes=holes,
        uirevision=f"{about.symbol} {drawn} {reach}",
    )
    live_chart(figure, "candles", f"{about.symbol} candles of {drawn} with volume")
    _footnotes(shown.candles, interval, drawn, holes)


def _figures(day: Statistics, about: Instrument) -> None:
    price = {
        name: words.price(float(value), about.digits)
        for name, value in (("last", day.last), ("high", day.high), ("low", day.low))
    }
    with st.grid(5, min_column_width=130, gap="xsmall"):
        st.metric(f"{about.base} / {about.quote}", price["last"])
        st.metric("24 h change", words.percent(float(day.change_ratio)))
        st.metric("24 h high", price["high"])
        st.metric("24 h low", price["low"])
        st.metric("24 h volume", f"{words.compact(float(day.volume))} {about.base}")


def _overlays(shown: Chart) -> list[charts.Overlay]:
    return [charts.Overlay(_name(answer), answer.value) for answer in shown.answers]


def _name(answer: Answer) -> str:
    """`SMA 20`, `Bollinger 20 2`: the provider and its parameters, as a legend has room for."""
    name = answer.provider.replace("_", " ")
    shown = name.upper() if len(name) <= _ACRONYM else name.capitalize()
    return " ".join([shown, *(_parameter(value) for value in answer.params.values())])


def _parameter(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _footnotes(series: CandleSeries, asked: Interval, drawn: Interval, holes: list[Hole]) -> None:
    frame = series.frame
    first, last = (from_ms(int(frame["open_time"].iloc[end])) for end in (0, -1))
    notes = [
        f"{len(frame):,} candles of {drawn}, {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} UTC"
    ]
    if drawn != asked:
        notes.append(f"{asked} would be too many candles for this range, so they are of {drawn}")
    if frame["forming"].iloc[-1]:
        notes.append("the last one, drawn hollow, is still forming")
    st.caption(". ".join(note[:1].upper() + note[1:] for note in notes) + ".")
    if holes:
        with st.expander(f"{len(holes)} shaded: no candles there", icon=":material/grid_off:"):
            st.markdown("\n".join(f"- {each.words}" for each in holes))
