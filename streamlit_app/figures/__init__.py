"""The figures of the app: pure functions from results to what the browser draws.

The candle chart is data for `candle_chart.js`; all others are Plotly figures.
"""
