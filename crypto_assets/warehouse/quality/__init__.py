"""Data quality: the gap ledger, the quarantine, and recorded conflicts of the exchange."""
