"""The parts of the page Quality, each a function that draws itself."""
