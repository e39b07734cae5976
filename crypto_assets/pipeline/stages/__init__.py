"""One step of a symbol's day each: fetch, store, load, compact, count."""
