"""Limits how many GraphQL operations of readers Dagster executes at a time, in all and per client.

Dagster executes an operation in one of 40 threads, however long it takes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from crypto_assets.client_address import group_client_address

# The operator's operations have the other threads.
MAX_OPERATIONS = 16
# As many as the connections that a browser opens to a server.
MAX_OPERATIONS_PER_CLIENT = 6


class TooManyOperations(Exception):
    """An operation has waited too long for others of readers."""


class ReaderOperations:
    """The operations of readers that are executed now; further ones wait for their turn.

    A client with many waiting operations delays only its own: of these, at most as many as it may
    have executed compete with those of others.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MAX_OPERATIONS)
        self._clients: dict[str, _Client] = {}

    @asynccontextmanager
    async def hold_place(self, address: str, wait_seconds: float) -> AsyncIterator[None]:
        """Wait until an operation of a client address may be executed.

        Raises TooManyOperations after `wait_seconds`.
        """
        name = group_client_address(address)
        client = self._clients.setdefault(name, _Client())
        client.operations += 1
        try:
            async with AsyncExitStack() as taken:
                try:
                    async with asyncio.timeout(wait_seconds):
                        await taken.enter_async_context(client.places)
                        await taken.enter_async_context(self._places)
                except TimeoutError:
                    raise TooManyOperations from None
                yield
        finally:
            client.operations -= 1
            if not client.operations:
                del self._clients[name]


class _Client:
    """A client's places, and how many of its operations have one or wait for one."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(MAX_OPERATIONS_PER_CLIENT)
        self.operations = 0
