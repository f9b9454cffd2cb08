"""Kills batch runs at random moments and resumes them, until so many were killed.

    python tests/soak/random_kills.py --kills 200

Each round runs a suite of three waves against a server that keeps a ledger, kills it several times,
and resumes it to its end; every other round with two processes at once. A round is good where each
request was paid for exactly once and every trial has passed. The exit code is 1 where one was not.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent / "integration"))

from batch_server import BatchServer, Reply, dropping, landing, refusing, saying

WAVES = 3
SUITE = """
suite: s
models: [haiku]
turns: [{user: "Say {{ word }}."}, {user: "And again."}, {user: "Once more."}]
params: {max_tokens: 20}
graders: [{contains: so}]
cases:
"""
POLL = ("--store", "store.db", "--poll", "0.02")
RUN = ("run", "s.yaml", "--mode", "batch", *POLL, "--out", "out")
RESUME = ("resume", "latest", *POLL)
ROUND_S = 120.0


@dataclass
class Round:
    """One run, killed again and again."""

    folder: Path
    server: BatchServer
    random: Random
    cases: int
    together: int
    killed: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """The suite, in its folder."""
        rows = [f"  - {{id: c{n}, vars: {{word: word{n}}}}}" for n in range(self.cases)]
        (self.folder / "s.yaml").write_text(SUITE + "\n".join(rows), encoding="utf-8")

    def start(self) -> list[subprocess.Popen[str]]:
        """The processes that run, or go on with, the suite."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH")
                if name in os.environ}  # fmt: skip
        environ = {**kept, "ANTHROPIC_API_KEY": "any", "ANTHROPIC_BASE_URL": self.server.url}
        words = [sys.executable, "-m", "harness", *(RESUME if self.begun else RUN)]
        return [
            subprocess.Popen(
                words, cwd=self.folder, env=environ, text=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            for _ in range(self.together if self.begun else 1)
        ]  # fmt: skip

    @property
    def begun(self) -> bool:
        """Whether the store has a run."""
        if not (self.folder / "store.db").exists():
            return False
        with sqlite3.connect(self.folder / "store.db", timeout=30) as store:
            tables = store.execute("SELECT name FROM sqlite_master").fetchall()
            known = ("harness_runs",) in tables
            return known and store.execute("SELECT count(*) FROM harness_runs").fetchone() > (0,)

    def kill(self) -> None:
        """Begin, and kill at a random moment: after some seconds, or after some requests."""
        asked = len(self.server.asked)
        processes = self.start()
        by_requests = self.random.random() < 0.75
        wanted = asked + self.random.randint(1, 6)
        until = time.monotonic() + (8.0 if by_requests else self.random.uniform(0.6, 2.0))
        while time.monotonic() < until and any(process.poll() is None for process in processes):
            if by_requests and len(self.server.asked) >= wanted:
                time.sleep(self.random.uniform(0, 0.04))
                break
            time.sleep(0.001)
        last = self.server.asked[-1].rpartition("/")[2] if len(self.server.asked) > asked else "-"
        for process in processes:
            if process.poll() is None:
                process.kill()
                self.killed += 1
                self.moments["results" if last == "results" else last[:8]] += 1
            self.said.append(process.communicate()[1])

    def end(self) -> bool:
        """Resume until a process ends well; whether one did."""
        until = time.monotonic() + ROUND_S
        while time.monotonic() < until:
            processes = self.start()
            self.said += [process.communicate(timeout=ROUND_S)[1] for process in processes]
            if any(process.returncode == 0 for process in processes):
                return True
        return False

    def wrong(self) -> list[str]:
        """What is wrong with how the round ended; nothing where it is as it should be."""
        if not self.end():
            return ["no process came to an end"]
        expected, paid = self.cases * WAVES, Counter(self.server.ledger)
        found = []
        if twice := sum(count - 1 for count in paid.values()):
            found.append(f"{twice} paid twice")
        if len(paid) != expected:
            found.append(f"{len(paid)} of {expected} paid")
        lines = (self.folder / "out/trials.jsonl").read_text(encoding="utf-8").strip().split("\n")
        passed = sum(json.loads(line)["outcome"] == "passed" for line in lines)
        if (len(lines), passed) != (self.cases, self.cases):
            found.append(f"{passed} of {len(lines)} trials passed")
        return found


def faults(server: BatchServer, random: Random, share: float) -> None:
    """Let this share of the next creates fail, landed or not."""
    kinds: list[Reply] = [
        landing(server, dropping), dropping, landing(server, refusing(500, "api_error")),
        refusing(529, "overloaded_error"), landing(server, saying(b"<html>")),
        refusing(429, "rate_limit_error", retry_after="0.1"),
    ]  # fmt: skip
    server.creates.clear()
    if random.random() < share:
        server.creates.append(random.choice(kinds))


def main() -> int:
    """Rounds until enough processes were killed; 1 where one of them went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--kills-a-round", type=int, default=5)
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--faults", type=float, default=0.2, help="share of starts with a fault")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    random = Random(given.seed)
    killed, rounds, bad = 0, 0, 0
    moments: Counter[str] = Counter()
    while killed < given.kills:
        rounds += 1
        together = 2 - rounds % 2
        with tempfile.TemporaryDirectory() as folder, BatchServer(takes_s=0.1) as server:
            made = Round(Path(folder), server, random, given.cases, together)
            made.begin()
            for _ in range(given.kills_a_round):
                faults(server, random, given.faults)
                made.kill()
            wrong = made.wrong()
            sizes = "+".join(map(str, server.sizes))
        killed, bad, moments = killed + made.killed, bad + bool(wrong), moments + made.moments
        said = "; ".join(wrong) or "good"
        print(f"round {rounds}: {made.killed} killed, {together} at once, "
              f"batches {sizes}: {said}", flush=True)  # fmt: skip
        if wrong:
            print("\n".join(made.said), file=sys.stderr, flush=True)
    print(f"{killed} killed in {rounds} rounds, {bad} bad; last heard before: {dict(moments)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
