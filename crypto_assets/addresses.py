"""Addresses: whether one can be asked, and how pages, logs and errors show it, without a login."""

import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from crypto_assets.errors import WrongUse

# A password may have every sign in it that should have been escaped: what is cut reaches to the
# last @, unless a port stands where a password would. A port ends the address, or a path follows it
# in which an @ begins a segment (`https://notes.example:8443/@team`).
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
# What stands before the host of one address, whatever the password holds.
_BEFORE_HOST = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)?.*@", re.DOTALL)
_PERCENT_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
# Characters of a text that are looked at. The search takes time that grows with their square, and
# a server may answer with an address of any length.
_MAX_SHOWN = 8_192
# What to tell a person whose address cannot be taken apart.
ESCAPING_RULES = (
    "in a user name or password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 "
    "and a space as %20"
)


class AddressingStyle(StrEnum):
    """Where the name of an S3 bucket stands in an address: in the path, or before the host.

    AUTO is what the AWS profile says; without that, the path of a server that is not Amazon's,
    and the host at Amazon's.
    """

    AUTO = "auto"
    PATH = "path"
    VIRTUAL = "virtual"


def remove_logins(text: str) -> str:
    """`https://host/x` for `https://user:password@host/x`, also where it stands in a sentence.

    A text of more than 8,192 characters is cut there.
    """
    if len(text) > _MAX_SHOWN:
        text = f"{text[:_MAX_SHOWN]}…"
    return _LOGIN.sub("", text)


def redact_address(address: str) -> str:
    """Return one address without all that stands between its `//` and its last @.

    No password shows, however it is written, but a path with an @ loses its host: for errors. Use
    `without_login` for links and sentences. An address of more than 8,192 characters is cut there.
    """
    hidden = _BEFORE_HOST.sub(r"\1", address)
    return f"{hidden[:_MAX_SHOWN]}…" if len(hidden) > _MAX_SHOWN else hidden


def decode_address(address: str) -> str:
    """Return an address as people read it: percent-decoded, and nothing in it but what prints.

    A symbol of another script is three times as long percent-encoded. What does not print, such as
    a line break, is or stays percent-encoded.
    """
    return _encode_unprintable(_PERCENT_ENCODED.sub(_decode_printable, address))


def _decode_printable(encoded: re.Match[str]) -> str:
    return _encode_unprintable(unquote(encoded[0], errors="surrogateescape"))


def _encode_unprintable(text: str) -> str:
    return "".join(
        one if one.isprintable() else quote(one, errors="surrogateescape") for one in text
    )


def build_escaping_hint(text: str) -> str:
    """The end of a refusal of this address: how a login is to be written, where it may have one."""
    return f"; {ESCAPING_RULES}" if "@" in text else ""


def expand_user(path: Path) -> Path:
    """Replace `~` and `~user` at the beginning. Raises WrongUse for a user that nobody knows."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise WrongUse(
            f"{str(path)!r} begins with the home of a user that this machine does not know: "
            "write the whole path"
        ) from None


def is_web_address(text: str) -> bool:
    """Whether a request can be sent to `text`: http or https, and a host that may exist.

    DNS allows 1 to 63 characters in each part of a host's name.
    """
    if any(character.isspace() for character in text):
        return False
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        host.encode("idna")
        return parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
    except ValueError:
        return False
