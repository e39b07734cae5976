"""The use cases as Dagster sees them: assets, jobs, schedules, sensors and checks."""
