"""The name of an exchange, as errors show it."""

# Before the files of a simulated exchange's recording, or a digest of them all.
RECORDED_PREFIX = "simulated:recorded="


def shorten_exchange_name(identity: str) -> str:
    """Return an identity with the number of a recording's files in place of their list."""
    if not identity.startswith(RECORDED_PREFIX) or ":" not in identity.removeprefix(
        RECORDED_PREFIX
    ):
        return identity
    files = identity.count(",") + 1
    return f"{RECORDED_PREFIX.rstrip('=')} ({files} {'file' if files == 1 else 'files'})"
