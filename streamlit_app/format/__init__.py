"""Formatting of values for people: numbers, durations, times, decimals of prices."""
