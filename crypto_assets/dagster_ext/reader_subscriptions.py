"""Limits of the GraphQL subscriptions of readers, on each WebSocket and for each client."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Message, Receive, Send

from crypto_assets.client_address import group_client_address

# A page of a run has four; one with running runs has one for each of them.
MAX_PER_CONNECTION, MAX_PER_CLIENT = 20, 60
_STARTING, _STOPPING = frozenset({"start", "subscribe"}), frozenset({"stop", "complete"})
_ENDING = frozenset({"complete", "error"})

# Returns why an operation is refused, None if it is not.
CheckOperation = Callable[[Mapping[str, Any]], str | None]


class SubscriptionCounts:
    """How many subscriptions each client has, on all of its connections."""

    def __init__(self) -> None:
        self.by_client: Counter[str] = Counter()


class ReaderConnection:
    """A reader's WebSocket, whose messages start and stop subscriptions.

    A subscription beyond a limit is answered by an error, and so is one that `check` refuses; the
    others continue, and the client may stop one to start another.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        client: str,
        counts: SubscriptionCounts,
        check: CheckOperation,
    ) -> None:
        self._receive, self._send = receive, send
        self._client = group_client_address(client)
        self._counts, self._check = counts, check
        self._active: set[str] = set()

    async def receive(self) -> Message:
        """Return the next message for Dagster; those that are refused are answered here."""
        while True:
            message = await self._receive()
            content = _parse_message(message)
            kind, name = content.get("type"), _name_subscription(content)
            if kind in _STOPPING:
                self._forget(name)
            # Dagster ignores the start of a subscription that it has.
            if kind not in _STARTING or name in self._active:
                return message
            if reason := self._find_refusal(content):
                await self._refuse(content.get("id"), reason)
                continue
            self._active.add(name)
            self._counts.by_client[self._client] += 1
            return message

    async def send(self, message: Message) -> None:
        """Send a message of Dagster, which may be the last one of a subscription."""
        content = _parse_message(message)
        if content.get("type") in _ENDING:
            self._forget(_name_subscription(content))
        await self._send(message)

    def close(self) -> None:
        """Forget the subscriptions of the connection."""
        for name in list(self._active):
            self._forget(name)

    def _find_refusal(self, content: Mapping[str, Any]) -> str | None:
        if len(self._active) >= MAX_PER_CONNECTION:
            return f"more than {MAX_PER_CONNECTION} subscriptions: stop one of them first"
        if self._counts.by_client[self._client] >= MAX_PER_CLIENT:
            return (
                f"more than {MAX_PER_CLIENT} subscriptions of this address: close a page, or open "
                "/unlock in this browser"
            )
        payload = content.get("payload")
        return self._check(payload if isinstance(payload, dict) else {})

    def _forget(self, name: str) -> None:
        if name in self._active:
            self._active.remove(name)
            self._counts.by_client[self._client] -= 1
            self._counts.by_client += Counter()  # without clients that have none

    async def _refuse(self, name: object, reason: str) -> None:
        refusal = {"type": "error", "id": name, "payload": {"message": reason}}
        await self._send({"type": "websocket.send", "text": json.dumps(refusal)})


def _name_subscription(content: Mapping[str, Any]) -> str:
    """Return a text for the id of a message: to Dagster, `1` and `"1"` are two subscriptions."""
    return json.dumps(content.get("id"))


def _parse_message(message: Message) -> dict[str, Any]:
    """Return the JSON object of a message, an empty one for anything else."""
    try:
        content = json.loads(message.get("text") or "null")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
