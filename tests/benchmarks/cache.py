"""What a suite with a long shared prefix costs, beside the least that it can cost.

The least is one write of the prefix to the cache, and a read of it by every other request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from measure import run
from programs import harness, simulator
from report import Row

PREFIX_WORDS = 6_000
MODEL = "claude-haiku-4-5-20251001"
WRITE_USD, READ_USD = 1.25e-6, 0.10e-6
"""Dollars a token of the model's 5-minute cache."""
LATENCY_S = 0.2


def suite(folder: Path, cases: int) -> Path:
    """A suite whose cases share a system prompt of about 5,000 tokens."""
    file = folder / "cached" / "cached.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    words = " ".join(f"w{number % 97}" for number in range(PREFIX_WORDS))
    listed = "\n".join(f"  - {{id: c{n}, vars: {{n: {n}}}}}" for n in range(cases))
    file.write_text(
        f"suite: cached\nmodels: [{MODEL}]\nsystem: {words}\ncache: 5m\n"
        f"prompt: Say {{{{ n }}}}.\nparams: {{max_tokens: 16}}\n"
        f"graders: [{{length: {{min_chars: 1}}}}]\ncases:\n{listed}\n",
        encoding="utf-8",
    )
    return file


def cache(folder: Path, cases: int, connections: int) -> Iterator[Row]:
    """Dollars of a live run over the least possible, and the share of hits that there could be."""
    file, out = suite(folder, cases), folder / "cached" / "out"
    with simulator(file, latency_s=LATENCY_S) as url:
        words = ["run", file, "--store", f"sqlite:///{folder}/cached/s.db", "--out", out, "-q"]
        environ = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "some"}
        command = [*harness(), *words, "--concurrency", connections]
        run(command, environ=environ, allowed=(0, 1, 3))
    (found,) = json.loads((out / "run.json").read_text(encoding="utf-8"))["candidates"]
    paid, usage, hits = found["cost_usd"]["total"], found["usage"], found["cache"]
    written = usage["cache_write_5m_input_tokens"]
    prefix = (written + usage["cache_read_input_tokens"]) / usage["requests"]
    least = paid - (written - prefix) * (WRITE_USD - READ_USD)
    detail = f"${paid:.5f} over ${least:.5f}, {cases} requests, prefix of {prefix:,.0f} tokens"
    yield Row(
        "dollars of a shared prefix over the least", paid / least, "×", "at most 1.05", detail
    )
    share = hits["hit_tokens"] / hits["possible_tokens"]
    yield Row("cache hits of those possible", share, "", "", f"{hits['hit_tokens']:,} tokens")
