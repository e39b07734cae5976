"""The name of an exchange in error messages."""

# Precedes the files of a simulated exchange's recording, or a digest of all of them.
RECORDED_PREFIX = "simulated:recorded="


def shorten_exchange_name(identity: str) -> str:
    """Replace the list of a recording's files in an identity by their number."""
    if not identity.startswith(RECORDED_PREFIX) or ":" not in identity.removeprefix(
        RECORDED_PREFIX
    ):
        return identity
    files = identity.count(",") + 1
    return f"{RECORDED_PREFIX.rstrip('=')} ({files} {'file' if files == 1 else 'files'})"
