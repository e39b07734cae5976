"""Fixtures: mariadb."""
