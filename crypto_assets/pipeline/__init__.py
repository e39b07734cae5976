"""The use cases: ingest, check, repair and expire data, independent of Dagster."""
