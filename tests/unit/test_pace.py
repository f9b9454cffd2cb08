"""How fast a class of models may be asked, without a clock: limits, estimates, refusals, turns."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backends.bucket import Bucket, limits_told
from harness.backends.gate import Gate
from harness.backends.hold import IN_A_ROW, LONGEST_S
from harness.backends.pace import FIRST_WINDOW, Pace, Ticket
from harness.backends.wire import Fault
from harness.errors import RunStoppedError
from harness.records import Request, Usage
from harness.simulator.limits import Limiter, RateLimit
from harness.simulator.problem import ApiError

ANSWERED = Usage(100, 10)
REFUSED = Fault("rate_limit_error", "429", retry=True, crowded=True)
BUSY = Fault("overloaded_error", "529", retry=True, crowded=True)
Headers = list[tuple[bytes, bytes]]


def request(model: str = "m", *, max_tokens: int = 100, text: str = "hello") -> Request:
    return Request({"model": model, "max_tokens": max_tokens, "messages": text}, "2026-10-21")


def told(kind: str = "requests", limit: Any = 600, remaining: Any = 599) -> Headers:
    prefix = f"anthropic-ratelimit-{kind}"
    pairs = {f"{prefix}-limit": limit, f"{prefix}-remaining": remaining}
    return [(name.encode(), str(value).encode()) for name, value in pairs.items()]


def sent(pace: Pace, now: float = 0.0, **how: Any) -> Ticket:
    asked = request(**how)
    return pace.take(asked, pace.size_of(asked), now)


def after(pace: Pace, headers: Headers, now: float = 0.0, usage: Usage = ANSWERED) -> Pace:
    """The pace after one answer with these headers."""
    ticket = sent(pace, now)
    pace.heard(ticket, headers, now)
    pace.answered(ticket, usage)
    pace.ended(ticket)
    return pace


def wait_s(pace: Pace, now: float = 0.0, **how: Any) -> float:
    asked = request(**how)
    return pace.wait_s(asked, pace.size_of(asked), now)


# What the headers say.

LIES = {
    "nothing": [],
    "no remaining": told()[:1],
    "no limit": told()[1:],
    "negative": told(remaining=-5),
    "negative limit": told(limit=-600),
    "a limit of nothing": told(limit=0, remaining=0),
    "words": told(limit="many"),
    "a fraction": told(remaining="1.5"),
    "endless": told(limit="9" * 5000),
    "empty": told(limit=""),
    "not ASCII": [(b"anthropic-ratelimit-requests-limit", b"\xff\xfe")],
    "another kind": told(kind="unicorns"),
}


@pytest.mark.parametrize("headers", LIES.values(), ids=LIES)
def test_headers_that_say_nothing_are_passed_over(headers: Headers):
    assert limits_told([(b"content-type", b"x"), *headers]) == {}


def test_more_left_than_the_limit_is_the_limit():
    assert limits_told(told(limit=50, remaining=70)) == {"requests": (50, 50)}


def test_names_of_headers_are_read_in_any_case():
    upper = [(name.title(), value) for name, value in told("input-tokens", 30_000, 9_000)]
    assert limits_told(upper) == {"input-tokens": (30_000, 9_000)}


@pytest.mark.parametrize("reset", [b"1970-01-01T00:00:00Z", b"2999-01-01T00:00:00Z", b"soon"])
def test_a_reset_in_the_past_or_far_ahead_does_not_matter(reset: bytes):
    headers = [*told(remaining=300), (b"anthropic-ratelimit-requests-reset", reset)]
    assert wait_s(after(Pace("m", 0.0), headers)) == 0


# One limit.

LEVELS = st.floats(0, 1000)


@given(left=LEVELS, spent=LEVELS, elapsed=st.floats(-10, 1000), level=LEVELS)
def test_our_own_count_stays_within_what_was_told(
    left: float, spent: float, elapsed: float, level: float
):
    bucket = Bucket(1000.0, level, 0.0)
    bucket.take(spent)
    bucket.observe(left, 0.0, elapsed)
    assert left - spent - 1e-6 <= bucket.level <= left + bucket.rate * max(elapsed, 0) + 1e-6
    assert bucket.level <= bucket.limit


@given(st.lists(st.floats(-1e6, 1e6), max_size=20))
def test_a_clock_that_jumps_neither_overfills_a_bucket_nor_empties_it(times: list[float]):
    bucket = Bucket(60.0, 30.0, 0.0)
    for now in times:
        bucket.refill(now)
        assert 30 <= bucket.level <= 60
    bucket.refill(bucket.at + 60)
    assert bucket.level == 60


@given(amount=st.floats(0, 5000), level=st.floats(-5000, 1000))
def test_after_waiting_as_long_as_told_it_may_be_taken(amount: float, level: float):
    bucket = Bucket(1000.0, level, 0.0)
    bucket.refill(bucket.wait_s(amount) + 1e-6)
    assert bucket.wait_s(amount) == 0


def test_what_is_left_of_a_limit_is_spread_over_the_time():
    pace = after(Pace("m", 0.0), told(limit=60, remaining=0))
    assert wait_s(pace) == pytest.approx(1.6)
    assert wait_s(pace, now=1.7) == 0


def test_others_who_use_up_the_limit_are_noticed():
    pace = after(Pace("m", 0.0), told(remaining=599))
    assert wait_s(after(pace, told(remaining=0), now=1.0), now=1.0) > 0


# What a request takes.


def test_before_the_first_answer_the_output_is_what_may_be_written_at_most():
    assert sent(Pace("m", 0.0), max_tokens=77).cost[2] == 77


def test_output_is_expected_to_be_as_long_as_before_but_no_longer_than_allowed():
    pace = after(Pace("m", 0.0), [])
    assert [sent(pace, max_tokens=most).cost[2] for most in (1000, 4)] == [10, 4]


def test_input_is_learned_from_the_size_of_what_was_sent():
    pace, text = Pace("m", 0.0), "a" * 10_000
    for _ in range(5):
        ticket = sent(pace, text=text)
        pace.answered(ticket, Usage(5000, 1))
        pace.ended(ticket)
    assert sent(pace, text=text * 2).cost[1] == pytest.approx(10_000, rel=0.02)


def test_models_of_a_class_are_learned_apart():
    pace = after(Pace("opus-4", 0.0), [])
    assert sent(pace, model="other", max_tokens=99).cost[2] == 99


def test_what_was_read_from_the_cache_does_not_count():
    pace = after(Pace("m", 0.0), [], usage=Usage(100, 1, 0, 9000, 20, 3))
    assert pace.tokens["m"].input == 123


def test_an_answer_without_usage_teaches_nothing():
    pace = after(Pace("m", 0.0), [], usage=Usage(None, None))
    assert pace.tokens["m"].answers == 0


def test_an_estimate_is_put_right_by_the_answer():
    pace = after(Pace("m", 0.0), told("output-tokens", 600, 500))
    ticket = sent(pace)
    pace.answered(ticket, Usage(100, 60))
    assert pace.buckets["output-tokens"].level == 440


def test_a_prompt_larger_than_the_limit_waits_for_a_full_bucket():
    pace = after(Pace("m", 0.0), told("input-tokens", 600, 0), usage=Usage(5000, 1))
    assert wait_s(pace) == pytest.approx(60)


# Slow start, refusals, outages.


def test_without_a_known_limit_it_starts_with_few_and_grows_with_every_answer():
    pace = Pace("m", 0.0)
    tickets = [sent(pace) for _ in range(int(FIRST_WINDOW))]
    assert wait_s(pace) == math.inf
    pace.answered(tickets[0], ANSWERED)
    assert wait_s(pace) == 0


def asked_from(pace: Pace, begin: float, end: float) -> int:
    """How many requests may go in this time, each answered at once."""
    now, count = begin, 0
    while now < end:
        if wait := wait_s(pace, now):
            now += wait
        else:
            pace.answered(ticket := sent(pace, now), ANSWERED)
            pace.ended(ticket)
            count += 1
    return count


def test_where_a_limit_is_known_it_opens_up_within_a_few_seconds():
    pace = after(Pace("m", 0.0), told(limit=3000, remaining=3000))
    asked = [asked_from(pace, second, second + 1.0) for second in (0, 1)]
    assert asked == pytest.approx([51, 140], rel=0.1)  # 30 (e - 1) and e times as many
    assert asked_from(pace, 2.0, 4.0) > 1000


def test_a_limit_that_is_far_away_is_not_opened_up_to():
    pace = after(Pace("m", 0.0), told(limit=10**9, remaining=10**9))
    for _ in range(1000):
        sent(pace)
    assert wait_s(pace) == 0


def test_retry_after_holds_the_class():
    pace = Pace("m", 0.0)
    fault = Fault("rate_limit_error", "429", retry=True, crowded=True, retry_after_s=40)
    pace.failed(sent(pace), fault, 100.0)
    assert (wait_s(pace, now=101.0), wait_s(pace, now=140.0)) == (39, 0)


def test_a_few_refusals_among_many_answers_do_not_slow_it_down():
    pace, random = after(Pace("m", 0.0), told(limit=10**9, remaining=10**9)), Random(1)
    for n in range(5000):
        ticket = sent(pace, n / 100)
        if random.random() < 0.02:
            pace.failed(ticket, REFUSED, n / 100)
        else:
            pace.answered(ticket, ANSWERED)
        pace.ended(ticket)
    assert pace.throttle.rate == math.inf


# Nobody is answered.


def overloaded(pace: Pace, times: int, now: float = 0.0, fault: Fault = BUSY) -> float:
    """The time after so many attempts that failed at once, each sent as soon as it might be."""
    for _ in range(times):
        now += wait_s(pace, now)
        pace.failed(ticket := sent(pace, now), fault, now)
        pace.ended(ticket)
    return now


def test_while_connections_are_lost_one_request_at_a_time_finds_out_whether_it_is_over():
    pace = after(Pace("m", 0.0), told(limit=60_000, remaining=50_000))
    gone = Fault("connection_error", "gone", retry=True)
    now = overloaded(pace, 10, 1.0, gone)
    assert 8 < now < 20
    now += wait_s(pace, now)
    probe = sent(pace, now)
    assert wait_s(pace, now) > 0
    pace.answered(probe, ANSWERED)
    pace.ended(probe)
    assert wait_s(pace, now) == 0


def test_while_nobody_is_answered_one_at_a_time_asks():
    pace = Pace("m", 0.0)
    now = overloaded(pace, IN_A_ROW)
    waits = wait_s(pace, now)
    sent(pace, now + waits)
    assert (waits, wait_s(pace, now + waits)) == (0.5, math.inf)


def test_the_longer_nobody_is_answered_the_less_often_it_asks():
    pace = Pace("m", 0.0)
    waits = []
    for _ in range(12):
        now = overloaded(pace, 1)
        waits.append(wait_s(pace, now))
    assert waits[IN_A_ROW - 1 :] == sorted(waits[IN_A_ROW - 1 :])
    assert waits[-1] == LONGEST_S


@pytest.mark.parametrize("kind", ["api_error", "connection_error", "timeout"])
def test_an_outage_that_turns_into_another_is_still_asked_less_and_less_often(kind: str):
    pace, waits = Pace("m", 0.0), []
    now = overloaded(pace, 6)
    for _ in range(6):
        waits.append(wait_s(pace, now))
        now = overloaded(pace, 1, now, Fault(kind, "gone", retry=True))
    assert (waits, waits[-1]) == (sorted(waits), LONGEST_S)
    assert len(set(waits)) > 3


def test_a_fault_of_what_was_sent_before_the_outage_does_not_lengthen_it():
    pace = Pace("m", 0.0)
    early = sent(pace, -1.0)
    now = overloaded(pace, IN_A_ROW)
    pace.failed(early, Fault("api_error", "500", retry=True), now)
    assert wait_s(pace, now) == 0.5


def test_where_nobody_is_held_back_a_broken_answer_holds_nobody():
    pace = Pace("m", 0.0)
    overloaded(pace, IN_A_ROW, fault=Fault("api_error", "500", retry=True))
    assert wait_s(pace) == 0


def test_the_first_answer_lets_all_go_at_once():
    pace = after(Pace("m", 0.0), told(limit=10**9, remaining=10**9))
    now = overloaded(pace, 20) + 5.0
    after(pace, [], now)
    for _ in range(50):
        sent(pace, now)
    assert wait_s(pace, now) == 0


def test_an_answer_to_what_was_sent_before_the_outage_does_not_end_it():
    pace = Pace("m", 0.0)
    early = sent(pace, -1.0)
    now = overloaded(pace, IN_A_ROW)
    pace.answered(early, ANSWERED)
    pace.ended(early)
    assert wait_s(pace, now) == 0.5


def test_those_under_way_since_before_do_not_keep_it_from_asking():
    pace = Pace("m", 0.0)
    sent(pace, -1.0)
    now = overloaded(pace, IN_A_ROW)
    assert wait_s(pace, now + 0.5) == 0


def test_one_that_asks_and_is_given_up_makes_room_for_another():
    pace = Pace("m", 0.0)
    now = overloaded(pace, IN_A_ROW) + 0.5
    ticket = sent(pace, now)
    pace.ended(ticket)
    assert wait_s(pace, now) == 0


def test_some_overloaded_among_many_under_way_hold_nobody():
    pace = after(Pace("m", 0.0), told(limit=10**9, remaining=10**9))
    for _ in range(50):
        sent(pace)
    overloaded(pace, IN_A_ROW)
    assert wait_s(pace) == 0


def test_overloaded_for_a_time_that_is_told_one_asks_after_it():
    pace, fault = Pace("m", 0.0), Fault("overloaded_error", "529", True, True, retry_after_s=8)
    now = overloaded(pace, 1, fault=fault)
    sent(pace, now + 8)
    assert (wait_s(pace, now), wait_s(pace, now + 8)) == (math.inf, math.inf)


# Refusals that no header explains.


def test_a_fault_of_the_request_itself_is_no_strain():
    pace = Pace("m", 0.0)
    for _ in range(20):
        pace.failed(sent(pace), Fault("invalid_request_error", "400"), 1.0)
    assert (pace.window, pace.refused) == (FIRST_WINDOW, 0)


def test_the_figures_say_what_was_seen():
    pacing = after(Pace("opus-4", 0.0), told("input-tokens", 2_000_000, 5)).pacing()
    assert (pacing.sent, pacing.refused, pacing.input_tokens_per_minute) == (1, 0, 2_000_000)
    assert str(pacing) == (
        "opus-4: 1 requests sent, 0 refused, waited 0.0 s; limits a minute: 2,000,000 input tokens"
    )


# Against a server, by a clock of its own.


class World:
    """A backend without network: requests are refused or answered by a limiter, in fake time."""

    def __init__(
        self, limit: RateLimit, *, latency_s: float, headers: Callable[[Mapping[str, str]], Headers]
    ) -> None:
        self.limiter, self.latency_s, self.headers = Limiter(limit), latency_s, headers
        self.pace, self.random = Pace("m", 0.0), Random(5)
        self.ends: list[tuple[float, int, Ticket, Fault | None, Headers, Usage]] = []
        self.answered = self.read = 0
        self.refusals: list[float] = []

    def send(self, asked: Request, size: int, now: float) -> None:
        ticket, read = self.pace.take(asked, size, now), len(str(asked.params["messages"])) // 4
        fault, usage = None, Usage(read, 5)
        try:
            self.limiter.admit("m", input_tokens=read, now=now)
            raw = self.limiter.headers("m", now)
        except ApiError as error:
            raw = error.headers
            fault = Fault("rate_limit_error", "429", retry=True, crowded=True,
                          retry_after_s=float(raw["retry-after"]))  # fmt: skip
        self.refusals += [now] if fault else []
        self.answered += fault is None
        self.read += read * (fault is None)
        latency = self.latency_s * self.random.uniform(0.5, 1.5)
        end = (now + latency, self.pace.sent, ticket, fault, self.headers(raw), usage)
        heapq.heappush(self.ends, end)

    def receive(self) -> float:
        now, _, ticket, fault, headers, usage = heapq.heappop(self.ends)
        self.pace.heard(ticket, headers, now)
        if fault:
            self.pace.failed(ticket, fault, now)
        else:
            self.pace.answered(ticket, usage)
        self.pace.ended(ticket)
        return now

    def run(self, seconds: float, characters: int) -> World:
        now = 0.0
        while now < seconds:
            asked = request(text="a" * int(characters * self.random.uniform(0.2, 1.8)))
            size = self.pace.size_of(asked)
            while wait := self.pace.wait_s(asked, size, now) if len(self.ends) < 200 else math.inf:
                if self.ends and self.ends[0][0] <= now + wait:
                    now = self.receive()
                else:
                    now += wait
            self.send(asked, size, now)
        return self


def as_told(headers: Mapping[str, str]) -> Headers:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def tenfold(headers: Mapping[str, str]) -> Headers:
    return [pair for pair in told(limit=6000, remaining=6000) if headers]


@pytest.mark.parametrize("latency_s", [0.01, 0.5, 8.0])
@pytest.mark.parametrize("characters", [300, 4000], ids=["short", "long"])
def test_nearly_all_of_the_limit_is_used_and_hardly_a_request_refused(
    latency_s: float, characters: int
):
    limit = RateLimit(600, 200_000)
    world = World(limit, latency_s=latency_s, headers=as_told).run(300.0, characters)
    used = max(world.answered / 600, world.read / 200_000) / (1 + 300 / 60)
    assert 0.97 <= used <= 1.0
    assert len(world.refusals) / world.pace.sent < 0.005


@pytest.mark.parametrize("headers", [lambda _: [], tenfold], ids=["none", "a lie"])
def test_a_limit_that_is_not_told_is_found_by_being_refused(
    headers: Callable[[Mapping[str, str]], Headers],
):
    world = World(RateLimit(600), latency_s=0.5, headers=headers).run(600.0, 100)
    assert world.answered / 600 / (1 + 600 / 60) > 0.95
    learned = [at for at in world.refusals if at > 60]
    assert len(learned) / world.pace.sent < 0.005


# Turns.


class Waiting:
    """A gate whose clock stands still until it is told to go on."""

    def __init__(self, slots: int) -> None:
        self.now, self.entered = 0.0, list[str]()
        self.gate = Gate(slots, clock=lambda: self.now, sleep=self.sleep, class_of=str)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def ask(self, model: str, *, again: bool = False, text: str = "") -> None:
        ticket = await self.gate.enter(request(model), again=again)
        self.entered.append(text or model)
        await asyncio.sleep(0)
        self.gate.leave(ticket)


def test_classes_take_turns_however_many_wait():
    async def main() -> list[str]:
        waiting = Waiting(1)
        await asyncio.gather(*(waiting.ask(model) for model in "aaaaaabbb"))
        return waiting.entered

    assert "".join(asyncio.run(main())) in ("aabababaa", "abababaaa")


def test_what_was_refused_goes_before_those_who_came_later():
    async def main() -> list[str]:
        waiting = Waiting(1)
        ticket = await waiting.gate.enter(request())
        asked = [waiting.ask("m", text="new"), waiting.ask("m", again=True, text="again")]
        tasks = list(map(asyncio.ensure_future, asked))
        await asyncio.sleep(0)
        waiting.gate.leave(ticket)
        await asyncio.gather(*tasks)
        return waiting.entered

    assert asyncio.run(main()) == ["again", "new"]


def test_no_more_than_the_slots_are_let_in():
    async def main() -> int:
        waiting = Waiting(3)
        tasks = [asyncio.create_task(waiting.gate.enter(request())) for _ in range(5)]
        await asyncio.sleep(0)
        let_in = sum(task.done() for task in tasks)
        waiting.gate.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        return let_in

    assert asyncio.run(main()) == 3


def test_who_gives_up_waiting_takes_no_place():
    async def main() -> list[str]:
        waiting = Waiting(1)
        ticket = await waiting.gate.enter(request("a"))
        tasks = [asyncio.create_task(waiting.ask(model)) for model in "bc"]
        await asyncio.sleep(0)
        tasks[0].cancel()
        waiting.gate.leave(ticket)
        await asyncio.gather(*tasks, return_exceptions=True)
        return waiting.entered

    assert asyncio.run(main()) == ["c"]


def test_who_gives_up_in_the_moment_of_being_let_in_makes_room():
    async def main() -> list[str]:
        waiting = Waiting(1)
        ticket = await waiting.gate.enter(request("a"))
        tasks = [asyncio.create_task(waiting.ask(model)) for model in "bc"]
        await asyncio.sleep(0)
        waiting.gate.leave(ticket)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return waiting.entered

    assert asyncio.run(main()) == ["c"]


def test_a_gate_that_has_stopped_turns_all_away():
    async def main() -> None:
        waiting = Waiting(1)
        waiting.gate.stop()
        await waiting.ask("a")

    with pytest.raises(RunStoppedError):
        asyncio.run(main())


def test_who_was_let_in_as_the_gate_stopped_is_turned_away_too():
    async def main() -> tuple[list[str], int]:
        waiting = Waiting(1)
        ticket = await waiting.gate.enter(request())
        task = asyncio.create_task(waiting.ask("m"))
        await asyncio.sleep(0)
        waiting.gate.leave(ticket)
        waiting.gate.stop()
        await asyncio.gather(task, return_exceptions=True)
        return waiting.entered, waiting.gate.free

    assert asyncio.run(main()) == ([], 1)


def test_the_time_that_a_class_is_held_is_counted():
    async def main() -> float:
        waiting = Waiting(4)
        ticket = await waiting.gate.enter(request())
        ticket.pace.hold.not_before = 30.0
        await asyncio.gather(*(waiting.ask("m") for _ in range(3)))
        return ticket.pace.waited_s

    assert asyncio.run(main()) == 30
