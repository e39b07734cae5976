"""Tests of the HTTP API, over HTTP."""
