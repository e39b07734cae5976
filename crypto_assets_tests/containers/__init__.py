"""`make test-containers`: the compose file's services in containers, without Docker."""
