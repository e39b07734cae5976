"""Sends errors to Sentry: what is logged as one, and what ends a process or a thread.

A report has the message, the traceback and the fields of the log. It has neither the values of
variables nor requests, and secrets of the settings are replaced, wherever they are.
"""

import os
import re
import time
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from crypto_assets.addresses import remove_logins
from crypto_assets.errors import WrongUse
from crypto_assets.installation import VERSION
from crypto_assets.logs import get_log_fields
from crypto_assets.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_TRACE_EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_HIDDEN = "[hidden]"
_MIN_SECRET = 6
_FLUSH_SECONDS = 2
# What may say which command or page was at work, with its arguments.
_LEFT_OUT = ("extra", "request", "breadcrumbs", "user")
_TEXTS = ("logentry", "message", "exception", "threads", "tags")
_PARAMETERS = re.compile(r"\[parameters: [^\n]*")
# Dagster logs each error of a run twice at once.
_REPEATED_SECONDS = 5.0
_started: dict[int, str] = {}
_last_sent: dict[str, float] = {}


def report_errors(settings: Settings, process: str) -> None:
    """Report the errors of this process, once, if SENTRY_DSN is set. Raises WrongUse."""
    if not settings.sentry_dsn or os.getpid() in _started:
        return
    try:
        import sentry_sdk
        from sentry_sdk.integrations.atexit import AtexitIntegration
        from sentry_sdk.integrations.dedupe import DedupeIntegration
        from sentry_sdk.integrations.excepthook import ExcepthookIntegration
        from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
        from sentry_sdk.integrations.threading import ThreadingIntegration
    except ModuleNotFoundError:
        raise WrongUse(
            "SENTRY_DSN is set, but the package sentry-sdk is missing: "
            "pip install 'crypto-assets[sentry]', or unset it"
        ) from None
    secrets = list_secrets(settings)

    def prepare(event: "Event", _: "Hint") -> "Event | None":
        return None if _is_repeated(event) else clean_event(event, secrets)

    try:
        sentry_sdk.init(
            settings.sentry_dsn,
            release=f"crypto-assets@{VERSION}",
            # Others would add requests, arguments, and the values of variables.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[
                AtexitIntegration(callback=_wait_silently),
                DedupeIntegration(),
                ExcepthookIntegration(),
                LoggingIntegration(level=None),
                ThreadingIntegration(propagate_hub=False),
            ],
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            send_default_pii=False,
            shutdown_timeout=_FLUSH_SECONDS,
            before_send=prepare,
        )
    except ValueError:  # also of a malformed address
        raise WrongUse("SENTRY_DSN is no DSN: copy it from the project's settings") from None
    sentry_sdk.set_tag("process", process)
    # A collector of traces that is down is no error of this program.
    ignore_logger(_TRACE_EXPORTER)
    _started[os.getpid()] = process


def flush_errors() -> None:
    """Send what waits, for at most two seconds, if errors are reported."""
    if os.getpid() in _started:
        import sentry_sdk

        sentry_sdk.flush(timeout=_FLUSH_SECONDS)


def list_secrets(settings: Settings) -> list[str]:
    """List the texts of the settings that no report may contain, the longest first."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    texts = {one.get_secret_value() for one in values if isinstance(one, SecretStr)}
    # The password of an address, which may be shown without it.
    passwords = {part for text in texts if "@" in text for part in _split_login(text)}
    return sorted({one for one in texts | passwords if len(one) >= _MIN_SECRET}, key=len)[::-1]


def clean_event(event: "Event", secrets: list[str]) -> "Event":
    """Return a report without secrets, and without what may contain unknown ones."""
    kept: dict[str, Any] = {name: value for name, value in event.items() if name not in _LEFT_OUT}
    kept["tags"] = {**kept.get("tags", {}), **{n: str(v) for n, v in get_log_fields().items()}}
    kept |= {name: _clean_value(kept[name], secrets) for name in _TEXTS if name in kept}
    cleaned: Event = kept  # type: ignore[assignment]
    return cleaned


def _is_repeated(event: "Event") -> bool:
    """Whether this process has sent a message a moment ago."""
    message = (event.get("logentry") or {}).get("formatted")
    if not message:
        return False
    now, text = time.monotonic(), str(message)
    for old in [one for one, at in _last_sent.items() if now - at > _REPEATED_SECONDS]:
        _last_sent.pop(old, None)
    is_repeated = text in _last_sent
    _last_sent[text] = now
    return is_repeated


def _wait_silently(pending: int, timeout: float) -> None:
    """Do not print that reports are being sent while the process ends."""


def _clean_value(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return _clean_text(value, secrets)
    if isinstance(value, dict):
        return {name: _clean_value(one, secrets) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_value(one, secrets) for one in value]
    return value


def _clean_text(text: str, secrets: list[str]) -> str:
    shown = _PARAMETERS.sub("[parameters hidden]", "\n".join(map(remove_logins, text.split("\n"))))
    for secret in secrets:
        shown = shown.replace(secret, _HIDDEN)
    return shown


def _split_login(address: str) -> list[str]:
    login = address.rpartition("@")[0].rpartition("//")[2]
    return [login.partition(":")[2]]
