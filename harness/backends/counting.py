"""How many tokens prompts have, from the API's count_tokens: free, with a rate limit of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.backends.access import Access
from harness.records import Request

if TYPE_CHECKING:
    from harness.backends.client import Client

PATH = "/v1/messages/count_tokens"
TAKEN = (
    "model", "messages", "system", "tools", "tool_choice", "thinking", "output_config",
    "cache_control", "speed",
)  # fmt: skip
"""Parameters that counting takes; the others do not change the prompt."""
PER_MINUTE = 1_000
LIMIT_S = 20.0

Sleep = Callable[[float], Awaitable[Any]]


def count(
    access: Access, requests: Sequence[Request], *, per_minute: int = PER_MINUTE
) -> list[int | None]:
    """The input tokens of each request, `None` where the API does not say; raises nothing."""
    return asyncio.run(_counted(access, requests, per_minute, asyncio.sleep))


async def _counted(
    access: Access, requests: Sequence[Request], per_minute: int, sleep: Sleep
) -> list[int | None]:
    from harness.backends.client import make_client

    client = make_client(access)
    found: list[int | None] = []
    try:
        for request in requests:
            if found:
                await sleep(60 / per_minute)
            found.append(await _one(client, request))
            if found[-1] is None:
                break  # no access, no such endpoint, or no room under the limit: nor for the rest
    finally:
        await client.close()
    return found + [None] * (len(requests) - len(found))


async def _one(client: Client, request: Request) -> int | None:
    body = {name: request.params[name] for name in TAKEN if name in request.params}
    headers = {"anthropic-version": request.api_version}
    if request.betas:
        headers["anthropic-beta"] = ",".join(request.betas)
    try:
        said = await client.post(
            PATH, body=body, cast_to=object, options={"headers": headers, "timeout": LIMIT_S}
        )
    except Exception:  # whatever it is, the estimate without it is at hand
        return None
    tokens = said.get("input_tokens") if isinstance(said, dict) else None
    return tokens if isinstance(tokens, int) and tokens > 0 else None
