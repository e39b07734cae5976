"""Tests of streamlit_app.analytics."""
