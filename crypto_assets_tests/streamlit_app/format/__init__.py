"""Tests of streamlit_app.format."""
