"""How values are written for people: times, durations, decimals."""
