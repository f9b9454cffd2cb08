"""Credentials and address from the environment, and that they show nowhere."""

from __future__ import annotations

import asyncio

import anthropic
import httpx2
import pytest

from harness.backends.access import Access
from harness.backends.client import fault_of, make_client
from harness.errors import UsageError

KEY = "sk-ant-api03-SECRET"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"ANTHROPIC_API_KEY": " "},
        {"ANTHROPIC_API_KEY": f"{KEY}\nX-Other: 1"},
        {"ANTHROPIC_API_KEY": f"{KEY}ü"},
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": "localhost:8000"},
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": "http://"},
    ],
    ids=["none", "blank", "two lines", "not ASCII", "no scheme", "no host"],
)
def test_settings_that_cannot_be_meant_are_usage_errors(environ: dict[str, str]):
    with pytest.raises(UsageError) as caught:
        Access.of(environ)
    assert "SECRET" not in str(caught.value)


def test_white_space_around_a_key_is_no_part_of_it():
    assert Access.of({"ANTHROPIC_API_KEY": f"{KEY}\r\n"}).api_key == KEY


def test_the_key_is_not_in_the_repr_of_what_holds_it():
    access = Access(KEY, KEY, "https://user:SECRET@host/v1")
    assert "SECRET" not in repr(access)
    assert "https://host/v1" in repr(access)


@pytest.mark.parametrize("access", [Access(KEY), Access(auth_token=KEY)], ids=["key", "token"])
def test_a_client_retries_nothing_by_itself_and_hides_its_credentials(access: Access):
    client = make_client(access)
    assert client.max_retries == 0
    assert "SECRET" not in repr(client)
    asyncio.run(client.close())


def test_a_token_of_the_environment_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another")
    client = make_client(Access(KEY))
    assert client.auth_headers == {"Authorization": f"Bearer {KEY}"}
    asyncio.run(client.close())


REQUEST = httpx2.Request("POST", "http://host/v1/messages")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "outcome"),
    [
        (caused(anthropic.APITimeoutError(REQUEST), httpx2.ConnectTimeout("")),
         "connection_error", "again"),
        (caused(anthropic.APITimeoutError(REQUEST), httpx2.ReadTimeout("")), "timeout", "again"),
        (httpx2.ReadTimeout(""), "timeout", "again"),
        (anthropic.APIConnectionError(request=REQUEST), "connection_error", "again"),
        (ConnectionResetError(), "connection_error", "again"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "no"), "malformed_response", "again"),
        (AssertionError(), "malformed_response", "again"),
        (TypeError("Could not resolve authentication method."), "authentication_error", "stop"),
        (KeyError("x"), "client_error", "missing"),
    ],
    ids=["connect timeout", "read timeout", "bare timeout", "connection", "reset", "decoding",
         "assertion", "no credentials", "anything else"],
)  # fmt: skip
def test_an_exception_of_a_library_has_a_meaning(error: Exception, kind: str, outcome: str):
    fault = fault_of(error, 5.0)
    assert fault.kind == kind
    assert ("stop" if fault.fatal else "again" if fault.retry else "missing") == outcome
