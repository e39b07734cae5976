"""The parts of the page Pipeline, each a function that draws itself."""
