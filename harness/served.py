"""The built-in simulator, served in this process to whoever asks it during a run."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from harness.models import Registry
from harness.offline import script_of
from harness.suite import Suite

if TYPE_CHECKING:
    from harness.simulator import Script

BACKLOG = 1024


@contextlib.asynccontextmanager
async def served(suites: Iterable[Suite], registry: Registry) -> AsyncIterator[tuple[str, str]]:
    """A simulator in this process: its URL, and a name that changes with what it answers.

    It starts when the first connects: where everything is stored, nobody does.
    """
    script, digest = script_of(suites, registry)
    async with contextlib.AsyncExitStack() as stack:
        sock = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG))
        starting = asyncio.create_task(_started(sock, script, registry, stack))
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}", f"offline-{digest}"
        finally:
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting


async def _started(
    sock: socket.socket, script: Script, registry: Registry, stack: contextlib.AsyncExitStack
) -> None:
    """Wait until somebody connects, then answer; where that fails, whoever connects is told."""
    try:
        await _connected(sock)
        from harness.simulator import Settings, Simulator

        simulator = Simulator(Settings(script=script), registry=registry, sock=sock)
        await stack.enter_async_context(simulator)
    except BaseException:
        sock.close()
        raise


async def _connected(sock: socket.socket) -> None:
    """Somebody waits to be let in; at once where the loop cannot tell, as on Windows."""
    loop, waits = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sock, waits.set)
    except NotImplementedError:
        return
    try:
        await waits.wait()
    finally:
        loop.remove_reader(sock)
