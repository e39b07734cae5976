"""The exchange: REST, daily archive, and a simulated one."""
