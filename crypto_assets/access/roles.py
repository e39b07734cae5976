"""What a caller may do, and how the caller proved it."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Role(IntEnum):
    """What a caller may do; each role includes those before it."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2


class Credential(StrEnum):
    """How a caller proved a role."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105 - the name of a kind  # nosec B105
    COOKIE = "cookie"


@dataclass(frozen=True)
class Caller:
    """Who sends a request: `name` is an e-mail address or empty, `address` that of the client."""

    role: Role
    credential: Credential = Credential.NONE
    name: str = ""
    address: str = ""

    @property
    def is_operator(self) -> bool:
        return self.role >= Role.OPERATOR

    @property
    def is_viewer(self) -> bool:
        return self.role >= Role.VIEWER
