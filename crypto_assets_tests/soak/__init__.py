"""A day and a week of ticks, driven fast by a simulated clock, then evaluated (`make soak`)."""
