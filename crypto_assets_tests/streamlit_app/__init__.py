"""The app: its figures, its pages without a browser, and its pages in one."""
