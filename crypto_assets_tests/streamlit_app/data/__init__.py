"""Tests of streamlit_app.data."""
