"""The wheel: its contents, its build, and the platform as installed from it alone."""
