"""Which days and objects may expire."""
