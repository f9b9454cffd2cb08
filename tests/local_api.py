"""A local HTTP server whose behaviour is a function, and what the Claude API would write.

`behave` is given each request and yields the bytes of the response, headers included; then the
connection is closed. What it yields late is late on the wire.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request: `number` counts from 0, header names are in lower case."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[Asked], "bytes | Iterable[bytes]"]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        api: LocalApi = self.server.api  # type: ignore[attr-defined]
        line = self.rfile.readline().decode()
        if not line:
            return
        headers = {}
        while name := self.rfile.readline().decode().strip():
            key, _, value = name.partition(":")
            headers[key.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        with api.lock:
            asked = Asked(len(api.asked), line.split()[1], headers, body)
            api.asked.append(asked)
        said = api.behave(asked)
        try:
            for piece in [said] if isinstance(said, bytes) else said:
                self.wfile.write(piece)
        except ConnectionError:
            api.hung_up += 1


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256


class LocalApi:
    """The server, for the length of a `with`; `asked` holds what it was asked."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.asked: list[Asked] = []
        self.hung_up = 0
        self.lock = threading.Lock()

    def __enter__(self) -> LocalApi:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def in_turn(*said: bytes | Iterable[bytes]) -> Behaviour:
    """One response after the other; the last for all that follow."""
    return lambda asked: said[min(asked.number, len(said) - 1)]


def http(body: Any = b"", status: int = 200, **headers: str) -> bytes:
    """A whole response; `retry_after` is the header `retry-after`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/json" if raw[:1] in (b"{", b"[") else "text/html"
    given = {"content-type": kind, "request-id": "req_1", "connection": "close", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} Said", *lines, f"content-length: {len(raw)}", "", ""])
    return head.encode() + raw


def message(*content: Any, **facts: Any) -> dict[str, Any]:
    """A message with every field that the API sends; texts become blocks."""
    blocks = [{"type": "text", "text": c, "citations": None} if isinstance(c, str) else c
              for c in content]  # fmt: skip
    return {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"},
        "content": blocks,
        **{"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None},
        "container": None,
        "usage": {
            **{"input_tokens": 12, "output_tokens": 5},
            **{"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            **{"server_tool_use": None, "service_tier": "standard", "inference_geo": "global"},
            **{"output_tokens_details": {"thinking_tokens": 0}, "speed": "standard"},
        },
        **facts,
    }


def error(kind: str, said: str = "what is wrong", **details: str) -> dict[str, Any]:
    """An error's body."""
    inner: dict[str, Any] = {"type": kind, "message": said}
    return {"type": "error", "error": inner | ({"details": details} if details else {})}


def sse(*events: Mapping[str, Any] | bytes, **headers: str) -> bytes:
    """A streamed response of these events, or of bytes as they are."""
    body = b"".join(
        e if isinstance(e, bytes) else b"event: %b\ndata: %b\n\n"
        % (str(e["type"]).encode(), json.dumps(e).encode())
        for e in events
    )  # fmt: skip
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n"
        b"connection: close\r\n%b\r\n%b" % (head.encode(), body)
    )


def access(url: str, key: str = "sk-ant-SECRET") -> dict[str, str]:
    """The environment that leads to a server."""
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": key}
