"""Extensions of Dagster and workarounds: the only package that imports its private modules."""
