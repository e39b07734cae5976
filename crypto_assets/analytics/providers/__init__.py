"""The providers, one file each; what lies here is found by the registry."""
