"""Figures: pure functions from a report's answer to a Plotly figure, in no way aware of Streamlit.

Times go to the browser as epoch milliseconds in typed arrays, a quarter of their size as text.
"""
