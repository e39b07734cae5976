"""Login by OpenID Connect: who a person is, and the options of the provider."""

from dataclasses import dataclass

from pydantic import SecretStr

from crypto_assets.access.roles import Role
from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings

LOGIN_PATH, CALLBACK_PATH = "/login", "/login/callback"


@dataclass(frozen=True)
class LoginOptions:
    """The provider, and the people who may read or change things.

    `operators` and `viewers` are e-mail addresses, or `*@example.com` for all of a domain. The
    provider sends people back to `app_url`, whose server must know the same options. With
    `accepts_unconfirmed`, an address counts although the provider does not say that it has
    verified it.
    """

    metadata_url: str
    client_id: str
    client_secret: SecretStr
    operators: tuple[str, ...]
    viewers: tuple[str, ...]
    app_url: str
    accepts_unconfirmed: bool = False

    @property
    def callback_url(self) -> str:
        return f"{self.app_url.rstrip('/')}{CALLBACK_PATH}"

    def find_role(self, email: str) -> Role:
        """Return the role of a person."""
        if _contains(self.operators, email):
            return Role.OPERATOR
        return Role.VIEWER if _contains(self.viewers, email) else Role.NONE


def find_login_options(settings: Settings) -> LoginOptions | None:
    """Return the options of the settings, None without a provider.

    Raises WrongUse if some are missing.
    """
    if not settings.oidc_metadata_url:
        return None
    if not settings.oidc_client_id or not settings.oidc_client_secret:
        raise WrongUse(
            "CRYPTO_OIDC_METADATA_URL also requires CRYPTO_OIDC_CLIENT_ID and "
            "CRYPTO_OIDC_CLIENT_SECRET"
        )
    if not settings.oidc_operators and not settings.oidc_viewers:
        raise WrongUse(
            "CRYPTO_OIDC_METADATA_URL also requires CRYPTO_OIDC_OPERATORS or CRYPTO_OIDC_VIEWERS: "
            "e-mail addresses, or *@example.com for all of a domain"
        )
    return LoginOptions(
        settings.oidc_metadata_url,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_operators,
        settings.oidc_viewers,
        settings.app_link_url,
        settings.oidc_accept_unconfirmed_emails,
    )


def _contains(people: tuple[str, ...], email: str) -> bool:
    address = _lower(email)
    name, _, domain = address.rpartition("@")
    return bool(name) and any(_lower(entry) in (address, f"*@{domain}") for entry in people)


def _lower(address: str) -> str:
    """Return an address in lower case, where other letters do not become ASCII ones."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in address)
