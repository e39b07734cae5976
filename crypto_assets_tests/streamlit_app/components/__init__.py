"""Tests of streamlit_app.components."""
