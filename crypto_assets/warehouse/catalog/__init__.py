"""The catalog: lake objects, symbols, app settings, watermarks."""
