"""Alias: `dagster.yaml` files of earlier versions refer to the storage by this path."""


def __getattr__(name: str) -> object:
    """Import the class when a `dagster.yaml` names it: this folder is loaded for every run."""
    if name != "MySQLStorage":
        raise AttributeError(name)
    from crypto_assets.dagster_ext.storage import MySQLStorage

    return MySQLStorage
