"""Where the API is and who asks, from the environment; known before the SDK is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SDK_CREDENTIALS = (
    "ANTHROPIC_PROFILE",
    "ANTHROPIC_CONFIG_DIR",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API is and who asks; the key never leaves this record but in a header."""

    api_key: str | None = None
    auth_token: str | None = None
    base_url: str | None = None
    by_sdk: bool = False

    def __repr__(self) -> str:
        return f"Access(base_url={_shown(self.base_url)!r}, api_key=…)"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Access:
        """What the environment gives; raises UsageError where it gives no credentials."""
        access = cls(
            api_key=_credential(environ, "ANTHROPIC_API_KEY"),
            auth_token=_credential(environ, "ANTHROPIC_AUTH_TOKEN"),
            base_url=_url(environ.get("ANTHROPIC_BASE_URL", "").strip()),
            by_sdk=any(environ.get(name) for name in SDK_CREDENTIALS),
        )
        if not (access.api_key or access.auth_token or access.by_sdk):
            raise UsageError(
                "no API key: set ANTHROPIC_API_KEY (or write it to a .env file here or beside the "
                "suites), or run with --offline against the built-in simulator"
            )
        return access


def _credential(environ: Mapping[str, str], name: str) -> str | None:
    """The credential without white space around it; raises UsageError where it cannot be one."""
    value = environ.get(name, "").strip()
    if not all("!" <= character <= "~" for character in value):
        raise UsageError(f"{name} holds white space or characters that no key has; copy it again")
    return value or None


def _url(text: str) -> str | None:
    """The base URL, or `None` where it is empty; raises UsageError where it cannot be one."""
    parts = urlsplit(text)
    if text and not (parts.scheme in ("http", "https") and parts.hostname):
        raise UsageError(
            f"ANTHROPIC_BASE_URL={text!r} is no URL; write https://host or http://host:port"
        )
    return text or None


def _shown(url: str | None) -> str | None:
    """The URL without a user and password, which are credentials too."""
    return url and urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]).geturl()


def place(base_url: str | None) -> str:
    """The API that a URL leads to, as the journal names it: no path, no credentials."""
    return urlsplit(base_url or "https://api.anthropic.com").netloc.rpartition("@")[2]
