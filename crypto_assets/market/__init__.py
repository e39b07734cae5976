"""The shared types: symbols, intervals, times, candles, order books, and the roll-up rule."""
