"""Addresses as pages, logs and errors may show them: without the user and password in them."""

import re

# Up to the last @ before the path or, where a password has a slash unescaped, the last of all;
# a number after the colon is a port.
_LOGIN = re.compile(
    r"(?:(?<=//)|^)(?:[^/?#\s:\[]*:(?!//|\d+(?:[/?#\s]|$))\S*|[^/?#\s]*)@", re.MULTILINE
)


def without_login(text: str) -> str:
    """`https://host/x` for `https://user:password@host/x`, also where it stands in a sentence."""
    return _LOGIN.sub("", text)
