"""Dagster's definitions: assets, jobs, schedules, sensors and asset checks."""
