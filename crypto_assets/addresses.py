"""Addresses: validation, and removal of logins before a page, log or error shows one."""

import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from crypto_assets.errors import WrongUse

# A password may contain any character that should have been escaped, so the match reaches to the
# last @, unless there is a port in the place of a password. A port ends the address or is followed
# by a path in which an @ begins a segment (`https://notes.example:8443/@team`).
_LOGIN = re.compile(
    r"""
    (?: (?<=//) | ^ )
    (?:
        [^/?\#\s:\[]* :
        (?! // | \d+ (?: \s | $ | / (?: [^\s?\#@] | (?<=/)@ )* (?: [?\#] | \s | $ ) ) )
        \S*
      |
        (?<=//) [^/?\#\s:\[]* :
        (?! // | \d+\b )
        [^\s@]* \s .*
      |
        [^/?\#\s]*
    )
    @
    """,
    re.MULTILINE | re.VERBOSE,
)
# Everything before the host of a single address, whatever characters the password contains.
_BEFORE_HOST = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)?.*@", re.DOTALL)
# A name, or an IPv6 address, which may name an interface.
_HOST = re.compile(r"[\w.\-]+|[0-9A-Fa-f:.]+(?:%[\w.\-]+)?")
_PERCENT_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
# The search takes quadratic time, and a server may send an address of any length.
_MAX_SHOWN = 8_192
# Advice for an address that cannot be parsed.
ESCAPING_RULES = (
    "in a user name or password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 "
    "and a space as %20"
)


class AddressingStyle(StrEnum):
    """Where an S3 address contains the bucket's name: in the path or in the host.

    AUTO uses the setting of the AWS profile. Without one, it uses the host for Amazon's servers and
    the path for others.
    """

    AUTO = "auto"
    PATH = "path"
    VIRTUAL = "virtual"


def remove_logins(text: str) -> str:
    """Replace `https://user:password@host/x` by `https://host/x`, anywhere in a text.

    The text is cut after 8,192 characters.
    """
    if len(text) > _MAX_SHOWN:
        text = f"{text[:_MAX_SHOWN]}…"
    return _LOGIN.sub("", text)


def redact_address(address: str) -> str:
    """Remove everything between the `//` and the last @ of a single address, for error messages.

    This removes any password, however it is written, but also the host if the path contains an @.
    Use `remove_logins` for links and sentences. The address is cut after 8,192 characters.
    """
    hidden = _BEFORE_HOST.sub(r"\1", address)
    return f"{hidden[:_MAX_SHOWN]}…" if len(hidden) > _MAX_SHOWN else hidden


def decode_address(address: str) -> str:
    """Percent-decode the printable characters of an address, for display.

    Characters that are not printable, such as line breaks, are percent-encoded.
    """
    return _encode_unprintable(_PERCENT_ENCODED.sub(_decode_printable, address))


def _decode_printable(encoded: re.Match[str]) -> str:
    return _encode_unprintable(unquote(encoded[0], errors="surrogateescape"))


def _encode_unprintable(text: str) -> str:
    return "".join(
        character if character.isprintable() else quote(character, errors="surrogateescape")
        for character in text
    )


def build_escaping_hint(text: str) -> str:
    """Return the end of an error message about an address: how to escape a login, if it has one."""
    return f"; {ESCAPING_RULES}" if "@" in text else ""


def expand_user(path: Path) -> Path:
    """Replace `~` or `~user` at the beginning of a path. Raises WrongUse for an unknown user."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise WrongUse(
            f"{str(path)!r} begins with the home of a user that does not exist on this machine: "
            "write the whole path"
        ) from None


def is_web_address(text: str) -> bool:
    """Whether `text` is an http or https address with a valid host.

    DNS allows 1 to 63 characters in each part of a host name. Other punctuation would be markup in
    a page that shows the host.
    """
    if any(character.isspace() for character in text):
        return False
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        host.encode("idna")
        return parts.scheme in {"http", "https"} and bool(_HOST.fullmatch(host)) and parts.port != 0
    except ValueError:
        return False
