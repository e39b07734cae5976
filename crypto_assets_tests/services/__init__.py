"""Real servers for the tests: each module starts one as a session fixture."""
