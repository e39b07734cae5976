"""The pages, one script each: inputs, queries, charts. Streamlit runs them."""
