"""Tests of traces and error reports, with receivers of their protocols."""
