"""The further markets of the code location, for commands."""

from pathlib import Path

from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings

_DEFINITIONS = Path(__file__).parents[1] / "defs"


def load_markets() -> dict[str, Settings]:
    """Return the settings of the further markets by name.

    Raises WrongUse where a market's YAML file names a variable that is not set.
    """
    if not any(_DEFINITIONS.rglob("*.yaml")):
        return {}  # Loading the definitions takes seconds.
    from crypto_assets.components import read_market_settings
    from crypto_assets.definitions import defs

    return read_market_settings(defs)


def load_market(name: str) -> Settings:
    """Return the settings of a further market. Raises WrongUse for an unknown one."""
    markets = load_markets()
    if name not in markets:
        known = ", ".join(sorted(markets)) or "none"
        raise WrongUse(
            f"no YAML file in {_DEFINITIONS} defines the market {name!r} (it defines "
            f"{known}): put the market's file there first"
        )
    return markets[name]
