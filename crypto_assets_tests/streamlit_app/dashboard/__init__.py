"""Tests of streamlit_app.dashboard."""
