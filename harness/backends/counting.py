"""How many tokens prompts have, from the API's count_tokens: free, with a rate limit of its own."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.backends.access import Access
from harness.backends.wire import TIMEOUT, Fault
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
OF_THE_MODEL = ("not_found_error", "invalid_request_error")
"""Faults that another model may not have."""

Sleep = Callable[[float], Awaitable[Any]]


def count(
    access: Access, requests: Sequence[Request], *, per_minute: int = PER_MINUTE
) -> tuple[list[int | None], str]:
    """The input tokens of each request, `None` where the API does not say, and why it does not.

    Raises nothing.
    """
    return asyncio.run(_counted(access, requests, per_minute, asyncio.sleep))


async def _counted(
    access: Access, requests: Sequence[Request], per_minute: int, sleep: Sleep
) -> tuple[list[int | None], str]:
    from harness.backends.client import make_client

    client = make_client(access)
    found: list[int | None] = []
    why, unknown = "", set[str]()
    try:
        for request in requests:
            if request.model in unknown:
                found.append(None)
                continue
            if found:
                await sleep(60 / per_minute)
            tokens, fault = await _one(client, request)
            found.append(tokens)
            if fault is not None:
                why = why or _in_a_line(fault)
                if fault.kind not in OF_THE_MODEL:
                    break  # no access, nobody there, or no room under the limit: nor for the rest
                unknown.add(request.model)
    finally:
        await client.close()
    return found + [None] * (len(requests) - len(found)), why


async def _one(client: Client, request: Request) -> tuple[int | None, Fault | None]:
    """The tokens, or what went wrong."""
    from harness.backends.client import fault_of, without_secrets

    body = {name: request.params[name] for name in TAKEN if name in request.params}
    headers = {"anthropic-version": request.api_version}
    if request.betas:
        headers["anthropic-beta"] = ",".join(request.betas)
    try:
        said = await client.post(
            PATH, body=body, cast_to=object, options={"headers": headers, "timeout": LIMIT_S}
        )
    except Exception as error:  # whatever it is, the estimate without it is at hand
        return None, without_secrets(fault_of(error, LIMIT_S), client)
    tokens = said.get("input_tokens") if isinstance(said, dict) else None
    if isinstance(tokens, int) and tokens > 0:
        return tokens, None
    return None, Fault("unreadable", f"it answered {said!r:.80}")


def _in_a_line(fault: Fault) -> str:
    if fault.kind == TIMEOUT:
        return f"count_tokens gave no answer within {LIMIT_S:g} s"
    return f"count_tokens failed, {textwrap.shorten(fault.reason, 160, placeholder='…')}"
