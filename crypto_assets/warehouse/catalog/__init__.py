"""What is known by name: lake objects, symbols, settings, watermarks."""
