"""How a simulator behaves: what it answers, how fast, how often it fails, whom it lets in."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.simulator.faults import Fault
from harness.simulator.limits import RateLimit
from harness.simulator.script import Script


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; the same seed and the same requests give the same answers.

    `latency_s` and `jitter_s` (added, evenly spread) are seconds before the response begins;
    `tokens_per_second` paces streams, `None` does not. `api_keys` are the keys that are let in,
    `None` any that is not empty. `batch_s` is how long a batch takes, in seconds; it has at most
    `batch_requests` requests in a body of at most `batch_bytes`.
    """

    seed: int = 0
    latency_s: float = 0.0
    jitter_s: float = 0.0
    faults: tuple[Fault, ...] = ()
    rate_limit: RateLimit = field(default_factory=RateLimit)
    script: Script = field(default_factory=Script)
    api_keys: frozenset[str] | None = None
    tokens_per_second: float | None = None
    batch_s: float = 0.5
    batch_requests: int = 100_000
    batch_bytes: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        if min(self.latency_s, self.jitter_s, self.batch_s) < 0:
            raise ValueError("latency, jitter and a batch take 0 seconds or more")
        if min(self.batch_requests, self.batch_bytes) < 1:
            raise ValueError("a batch holds at least one request and one byte")
        if self.tokens_per_second is not None and self.tokens_per_second <= 0:
            raise ValueError("tokens per second are more than 0; leave them out for no pacing")
