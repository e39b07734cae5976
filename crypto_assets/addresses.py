"""Addresses as pages, logs and errors may show them: without the user and password in them."""

import re

# Up to the last @ before the path or, where a password has a slash unescaped, the last of all;
# a number after the colon is a port.
_LOGIN = re.compile(
    r"(?:(?<=//)|^)(?:[^/?#\s:\[]*:(?!//|\d+(?:[/?#\s]|$))\S*|[^/?#\s]*)@", re.MULTILINE
)


# What to tell a person whose address cannot be taken apart.
ESCAPES = (
    "in a user name or password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 "
    "and a space as %20"
)


def without_login(text: str) -> str:
    """`https://host/x` for `https://user:password@host/x`, also where it stands in a sentence."""
    return _LOGIN.sub("", text)
