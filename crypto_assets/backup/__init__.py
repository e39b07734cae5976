"""Backups of an installation: warehouse, lakes, Dagster's storage and home in one directory."""
