"""Counting tokens by the API: the counts, and in a line why there are none."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from harness.backends.access import Access
from harness.backends.counting import count
from harness.records import Request

Reply = Callable[[dict[str, Any]], tuple[int, Any]]
Serve = Callable[[Reply], str]
KEY = "sk-ant-secret"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts an API that answers every body as a function says."""
    running: list[ThreadingHTTPServer] = []

    def start(reply: Reply) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                status, said = reply(json.loads(self.rfile.read(size)))
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def asked(*models: str) -> list[Request]:
    return [
        Request({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
                "2023-06-01")
        for model in models
    ]  # fmt: skip


def error(status: int, kind: str, message: str = "no") -> tuple[int, Any]:
    return status, {"type": "error", "error": {"type": kind, "message": message}}


def counted(url: str, *models: str) -> tuple[list[int | None], str]:
    return count(Access(api_key=KEY, base_url=url), asked(*models), per_minute=10**6)


def test_every_prompt_is_counted_without_what_counting_does_not_take(serve: Serve):
    bodies: list[dict[str, Any]] = []

    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        bodies.append(body)
        return 200, {"input_tokens": 7 + len(bodies)}

    assert counted(serve(reply), "a", "b") == ([8, 9], "")
    assert all("max_tokens" not in body for body in bodies)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (error(401, "authentication_error", f"bad {KEY}"), "401 authentication_error: bad …"),
        (error(429, "rate_limit_error"), "429 rate_limit_error: no"),
        (error(500, "api_error"), "500 api_error: no"),
        (error(404, "not_found_error"), "404 not_found_error: no"),
        ((200, {"input_tokens": "many"}), "it answered {'input_tokens': 'many'}"),
    ],
    ids=["wrong key", "limit", "broken", "no such thing", "no number"],
)
def test_why_nothing_is_counted_is_said_in_a_line(serve: Serve, reply: Any, said: str):
    assert counted(serve(lambda _: reply), "a") == ([None], f"count_tokens failed, {said}")


def test_a_long_reason_is_cut(serve: Serve):
    _, why = counted(serve(lambda _: error(500, "api_error", "very\nlong " * 1000)), "a")
    assert len(why) < 200
    assert "\n" not in why


def test_where_nobody_listens_that_is_said():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    tokens, why = counted(f"http://127.0.0.1:{port}", "a", "b")
    assert tokens == [None, None]
    assert "connection failed" in why


@pytest.mark.parametrize(
    ("kind", "status", "tries"),
    [("rate_limit_error", 429, 1), ("not_found_error", 404, 3)],
    ids=["of all", "of the model"],
)
def test_a_fault_of_one_model_does_not_keep_others_from_being_counted(
    serve: Serve, kind: str, status: int, tries: int
):
    seen: list[str] = []

    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        seen.append(body["model"])
        return error(status, kind) if body["model"] == "a" else (200, {"input_tokens": 7})

    tokens, why = counted(serve(reply), "a", "a", "b", "b")
    assert tokens == ([None, None, 7, 7] if tries == 3 else [None] * 4)
    assert (len(seen), str(status) in why) == (tries, True)
