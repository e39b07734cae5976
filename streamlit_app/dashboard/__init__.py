"""Parts of the Dashboard page."""
