"""The operator's token: from the settings, or from the file `operator-token` in the home."""

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings

# A random token of 32 hexadecimal digits, or more, is too long to guess.
SAFE_TOKEN_LENGTH = 32
_TOKEN_FILE = "operator-token"  # noqa: S105 - a file name  # nosec B105
_TOKEN_BYTES = 24
# What a file system without hard links answers, such as FAT, and some of networks and containers.
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


def find_operator_token(settings: Settings) -> SecretStr | None:
    """Return the token of the settings, else that of the home, None if there is none.

    Raises WrongUse if the file cannot be read or is empty.
    """
    if settings.operator_token:
        return settings.operator_token
    file = get_token_file(settings)
    try:
        token = file.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"cannot read the operator token in {file}: {error}") from None
    if not token:
        raise WrongUse(f"{file} is empty: delete it, and run `crypto-assets init`")
    return SecretStr(token)


def ensure_operator_token(settings: Settings) -> Path | None:
    """Write a random token into the home unless there is one; return the new file.

    Only the owner of the file can read it.
    """
    if find_operator_token(settings):
        return None
    file = get_token_file(settings)
    # A complete file appears at once, so that another process never reads half a token.
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n"
        _write_new_file(draft, text)
        try:
            os.link(draft, file)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            _write_new_file(file, text)
    except OSError as error:
        if isinstance(error, FileExistsError) and file.exists():
            return None  # another process was faster
        raise WrongUse(
            f"cannot write the operator token to {file}: {error.strerror}; make the home writable, "
            "or set CRYPTO_OPERATOR_TOKEN"
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return file


def _write_new_file(file: Path, text: str) -> None:
    """Write a file that only its owner can read. Raises FileExistsError if there is one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


def get_token_file(settings: Settings) -> Path:
    """Return the path of the home's token, which need not exist."""
    return settings.home / _TOKEN_FILE


def build_bearer_headers(settings: Settings) -> dict[str, str]:
    """Return the header with which our own programs send requests to each other."""
    token = find_operator_token(settings)
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def list_token_problems(settings: Settings) -> list[str]:
    """List what makes the tokens of the settings easy to guess."""
    tokens = {
        "CRYPTO_OPERATOR_TOKEN": settings.operator_token,
        "CRYPTO_VIEWER_TOKEN": settings.viewer_token,
    }
    return [
        f"{name} has fewer than {SAFE_TOKEN_LENGTH} characters: it could be guessed, and wrong "
        "tokens of others behind the same proxy lock it out; set a longer random one"
        for name, token in tokens.items()
        if token and len(token.get_secret_value()) < SAFE_TOKEN_LENGTH
    ]


def tokens_equal(given: str, expected: SecretStr | None) -> bool:
    """Compare in constant time, so that the duration does not reveal a correct prefix."""
    if expected is None:
        return False
    return secrets.compare_digest(given.encode(), expected.get_secret_value().encode())
