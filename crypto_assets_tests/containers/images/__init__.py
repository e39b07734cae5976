"""Images that stand in for those of the registries, made of Debian's and PyPI's packages."""
