"""One file a page: inputs, one data call, charts. Streamlit runs these as scripts."""
