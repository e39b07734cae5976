"""The Streamlit app: pages that ask `reports` and draw."""
