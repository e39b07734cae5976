"""The Streamlit app: pages that show `crypto_assets.reports` and control the pipeline."""
