"""The use cases: what is done with exchange, lake and warehouse, without a word of Dagster."""
