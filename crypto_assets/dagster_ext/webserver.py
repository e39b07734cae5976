"""Dagster's webserver behind our access control: `python -m crypto_assets.dagster_ext.webserver`.

Dagster's own command serves its pages to everyone who reaches the port, and executes mutations that
any page of any site sends. Here, who has not unlocked the browser gets Dagster's read-only mode,
whose buttons are disabled, and a link to `/unlock`.
"""

import logging
from importlib.metadata import version
from pathlib import Path

import click
import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crypto_assets.access import (
    UNLOCK_PATH,
    AccessControl,
    AccessMiddleware,
    Caller,
    get_caller,
    open_access_control,
)
from crypto_assets.dagster_ext.graphql_guard import (
    DagsterChange,
    GraphQLGuardMiddleware,
    RecordChange,
)
from crypto_assets.dagster_ext.json_logs import configure_dagster_commands
from crypto_assets.dagster_ext.private_api import require_private_parts
from crypto_assets.dagster_ext.private_server_parts import WEBSERVER_PARTS
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.http_server import serve_app
from crypto_assets.logs import TEXT_FORMAT
from crypto_assets.request_guard import GuardPolicy, RequestGuardMiddleware, build_guard_policy
from crypto_assets.settings import Settings, get_settings
from crypto_assets.tcp_ports import require_free_port
from crypto_assets.telemetry import start_telemetry
from crypto_assets.warehouse.catalog.app_settings import Author
from crypto_assets.wiring import open_warehouse

# As a program, the module's name is `__main__`.
_log = logging.getLogger("crypto_assets.webserver")

# Probes of containers have no token.
OPEN_PATHS = ("/server_info",)
# As Dagster's own command sets them: milliseconds, seconds and connections.
_STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW = 15_000, 3_600, 20
_POLL_MS = 2_000
# The main page has a policy of its own for scripts and styles, to which the rest is added.
_PAGE_CSP = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
}
# In the empty part of Dagster's navigation.
_NOTICE = """\
<a href="{unlock}" style="position:fixed;left:16px;bottom:180px;z-index:1000;padding:6px 12px;\
border-radius:8px;font:500 14px/20px system-ui,sans-serif;text-decoration:none;color:#fff;\
background:#3a3f4b;box-shadow:0 1px 4px rgba(0,0,0,.4)" title="Changes need the operator token, or \
the link that `crypto-assets unlock` prints.">Read-only \N{MIDDLE DOT} Unlock</a>"""


class AccessWorkspaceProcessContext(WorkspaceProcessContext):
    """Gives each request Dagster's read-only mode unless an operator sends it."""

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        return WorkspaceRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=not _is_operator(source),
        )


class UnlockNoticeMiddleware:
    """Adds a link to the unlock page to Dagster's pages, for those who may only read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or get_caller(scope).is_operator:
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def send_with_notice(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    page = _add_notice(bytes(body))
                    await send(_set_length(start, len(page)))
                    await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, send_with_notice)


def create_webserver_app(
    context: WorkspaceProcessContext,
    access: AccessControl,
    policy: GuardPolicy,
    record_change: RecordChange,
) -> ASGIApp:
    """Create Dagster's webserver with all middleware. `context` gives requests their mode.

    Raises UnsupportedDagster if the installed webserver has changed.
    """
    require_private_parts(WEBSERVER_PARTS)
    from crypto_assets.dagster_ext.reader_view import ReaderAwareWebserver

    dagster: ASGIApp = ReaderAwareWebserver(context, _POLL_MS).create_asgi_app()
    guarded = GraphQLGuardMiddleware(UnlockNoticeMiddleware(dagster), record_change, access)
    return RequestGuardMiddleware(AccessMiddleware(guarded, access, OPEN_PATHS), policy)


def build_webserver_policy(settings: Settings) -> GuardPolicy:
    return build_guard_policy(settings, settings.dagster_link_url, csp=_PAGE_CSP)


@click.command()
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option(
    "-w",
    "--workspace",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("workspace.yaml"),
    show_default=True,
    help="File that names the code locations.",
)
def serve_webserver(host: str, port: int, workspace: Path) -> None:
    """Serve Dagster's pages and GraphQL, read-only for everyone but the operator."""
    if not configure_dagster_commands("webserver"):
        logging.basicConfig(format=TEXT_FORMAT)
        logging.getLogger("crypto_assets").setLevel(logging.INFO)
    require_free_port(port, host)
    start_telemetry("webserver")
    settings = get_settings()
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(
            _STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW
        )
        with AccessWorkspaceProcessContext(
            instance,
            workspace_load_target=WorkspaceFileTarget([str(workspace)]),
            version=version("dagster-webserver"),
        ) as context:
            app = create_webserver_app(
                context,
                open_access_control(settings),
                build_webserver_policy(settings),
                create_change_recorder(settings, instance),
            )
            _log.info("Serving Dagster on http://%s:%d", host, port)
            serve_app(
                app,
                port,
                host,
                trusted_proxies=settings.trusted_proxies,
                websockets=True,
                log_level="error",
            )


def create_change_recorder(settings: Settings, instance: dg.DagsterInstance) -> RecordChange:
    """Return a function that records a change in the change log of the warehouse."""
    changes = open_warehouse(settings).app_settings

    def record_change(caller: Caller, change: DagsterChange) -> None:
        what = _name_instigator(instance, change) or change.arguments
        _log.info("%s by %s: %s", change.name, caller.name or caller.address, what)
        try:
            changes.record_change(f"Dagster: {change.name}", None, what, _name_author(caller))
        except CryptoAssetsError as error:
            # An operator must be able to stop things while the warehouse is down.
            _log.error("cannot record %s in the change log: %s", change.name, error)

    return record_change


def _name_author(caller: Caller) -> Author:
    return Author(f"{caller.name} in Dagster" if caller.name else "Dagster's pages", caller.address)


def _name_instigator(instance: dg.DagsterInstance, change: DagsterChange) -> str:
    """Return the name of a schedule or sensor that a change names by its id; "" for another one."""
    selector = change.arguments.partition("::")[2]
    if not selector:
        return ""
    return next(
        (
            state.instigator_name
            for state in instance.all_instigator_state()
            if state.selector_id == selector
        ),
        "",
    )


def _is_operator(source: object | None) -> bool:
    return isinstance(source, HTTPConnection) and get_caller(source.scope).is_operator


def _is_page(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html")
        for name, value in message["headers"]
    )


def _add_notice(page: bytes) -> bytes:
    notice = _NOTICE.format(unlock=UNLOCK_PATH).encode()
    before, end, after = page.rpartition(b"</body>")
    return before + notice + end + after if end else page


def _set_length(message: Message, length: int) -> Message:
    kept = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
    return {**message, "headers": [*kept, (b"content-length", str(length).encode())]}


if __name__ == "__main__":
    serve_webserver()
