"""One module per version, oldest first; each can be repeated after a kill at any statement."""
