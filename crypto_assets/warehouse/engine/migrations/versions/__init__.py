"""One module a version, oldest first; each may be run again after a kill at any statement."""
