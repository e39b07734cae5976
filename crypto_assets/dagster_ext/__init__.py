"""Extends Dagster, and works around it: the one package that imports its private modules."""
