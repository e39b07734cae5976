"""Plotly figures: pure functions of report results, without Streamlit.

Times are epoch milliseconds in typed arrays, a quarter of the size of text; `live_chart.js` turns
them into UTC.
"""
