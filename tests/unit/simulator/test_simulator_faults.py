"""Faults, rate limits, the ledger: what goes wrong, and what is counted."""

from __future__ import annotations

import pytest

from harness.simulator import Entry, Fault, RateLimit, Reply, Script, fingerprint
from harness.simulator.faults import FaultPlan
from harness.simulator.limits import Limiter
from harness.simulator.problem import ApiError, error_body

HAIKU = ("claude-haiku-4-5-20251001", "claude-haiku-4-5", "haiku")
PARSED = {
    "status=529,p=0.1,retry_after=1": Fault("status", status=529, probability=0.1, retry_after=1.0),
    "drop": Fault("drop"),
    "slow=2,times=3,after=1": Fault("slow", delay_s=2.0, times=3, after=1),
    "error_event, models=haiku+opus": Fault("error_event", models=("haiku", "opus")),
    "status=429,should_retry=false": Fault("status", status=429, should_retry=False),
}


@pytest.mark.parametrize(("text", "fault"), PARSED.items(), ids=PARSED)
def test_a_fault_is_read_from_an_option(text, fault):
    assert Fault.parse(text) == fault


UNREADABLE = {
    "explode": "no fault is 'explode'; there are status",
    "status": "`status` needs a number: status=529",
    "status=abc": "`status=abc` cannot be read",
    "status=200": "between 400 and 599",
    "drop=1": "`drop` takes no value",
    "drop,q=1": "no option 'q'",
    "drop,p": "`p` needs a value",
    "drop,p=2": "between 0 and 1",
    "drop,times=-1": "0 or more",
}


@pytest.mark.parametrize(("text", "message"), UNREADABLE.items(), ids=UNREADABLE)
def test_a_fault_that_cannot_be_meant_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Fault.parse(text)


def kinds(*faults: Fault, requests: int = 6, seed: int = 0) -> list[str]:
    plan = FaultPlan(faults, seed)
    return [plan.next(HAIKU).kind for _ in range(requests)]


def test_a_fault_hits_after_some_requests_and_so_many_times():
    assert kinds(Fault("drop", after=2, times=2)) == ["", "", "drop", "drop", "", ""]


def test_the_first_fault_that_hits_goes_before_the_others():
    assert kinds(Fault("cut", times=1), Fault("drop", times=2)) == [
        "cut",
        *["drop"] * 2,
        "",
        "",
        "",
    ]


def test_a_fault_of_another_model_does_not_hit():
    assert kinds(Fault("drop", models=("opus",))) == [""] * 6
    assert kinds(Fault("drop", models=("haiku",))) == ["drop"] * 6


def test_the_seed_decides_which_requests_are_hit():
    fault = Fault("drop", probability=0.3)
    hits = kinds(fault, requests=2000)
    assert hits == kinds(fault, requests=2000) != kinds(fault, requests=2000, seed=1)
    assert hits.count("drop") / 2000 == pytest.approx(0.3, abs=0.04)


def test_a_delay_comes_on_top_of_another_fault():
    hit = FaultPlan([Fault("slow", delay_s=2), Fault("drop")], 0).next(HAIKU)
    assert (hit.delay_s, hit.kind) == (2.0, "drop")


def test_an_error_carries_what_the_api_sends_with_it():
    fault = Fault("status", status=429, retry_after=2, should_retry=False, error_code="ramp")
    error = fault.error()
    assert error.headers == {"retry-after": "2", "x-should-retry": "false"}
    assert error_body(error, "req_1")["error"] == {
        "type": "rate_limit_error",
        "message": error.message,
        "details": {"error_code": "ramp"},
    }


def test_a_spend_limit_is_a_400_with_the_words_of_the_api():
    error = Fault("status", status=400).error()
    assert error.message.startswith("You have reached your specified API usage limits")


def test_requests_above_the_limit_wait_as_long_as_they_are_told(clock):
    limiter = Limiter(RateLimit(requests_per_minute=2))
    for _ in range(2):
        limiter.admit("haiku-4-5", input_tokens=10, now=clock.now)
    with pytest.raises(ApiError) as refused:
        limiter.admit("haiku-4-5", input_tokens=10, now=clock.now)
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "30")
    limiter.admit("haiku-4-5", input_tokens=10, now=clock.now + 30)


def test_models_of_different_classes_have_limits_of_their_own(clock):
    limiter = Limiter(RateLimit(requests_per_minute=1))
    limiter.admit("haiku-4-5", input_tokens=10, now=clock.now)
    limiter.admit("opus-4", input_tokens=10, now=clock.now)


def test_a_prompt_larger_than_the_limit_passes_a_full_bucket(clock):
    limiter = Limiter(RateLimit(input_tokens_per_minute=100))
    limiter.admit("a", input_tokens=500, now=clock.now)
    with pytest.raises(ApiError):
        limiter.admit("a", input_tokens=1, now=clock.now + 60)


def test_output_above_the_limit_refuses_the_next_request(clock):
    limiter = Limiter(RateLimit(output_tokens_per_minute=60))
    limiter.admit("a", input_tokens=1, now=clock.now)
    limiter.spend_output("a", output_tokens=70, now=clock.now)
    with pytest.raises(ApiError) as refused:
        limiter.admit("a", input_tokens=1, now=clock.now)
    assert refused.value.headers["retry-after"] == "11"


def test_the_headers_say_what_is_left_and_until_when(clock):
    limiter = Limiter(RateLimit(requests_per_minute=60))
    limiter.admit("a", input_tokens=1, now=clock.now)
    headers = limiter.headers("a", clock.now)
    assert headers["anthropic-ratelimit-requests-limit"] == "60"
    assert headers["anthropic-ratelimit-requests-remaining"] == "59"
    assert headers["anthropic-ratelimit-requests-reset"] == "2023-11-14T22:13:21Z"
    assert len(headers) == 12


def test_the_ledger_holds_what_was_paid_for(make_service, body):
    service, request = make_service(), body()
    service.answer(request, service.check(request, "2026-10-21"), request_id="req_9")
    (paid,) = service.ledger.as_json()["requests"]
    assert (paid["n"], paid["request_id"], paid["batch_id"]) == (1, "req_9", None)
    assert paid["fingerprint"] == fingerprint(request)


def test_a_refusal_without_output_is_not_paid_for(make_service, body):
    request = body()
    refusal = Entry({"*": (Reply(stop_reason="refusal"),)})
    service = make_service(script=Script({fingerprint(request): refusal}))
    service.answer(request, service.check(request, "2026-10-21"), request_id="req_1")
    assert (service.ledger.as_json()["paid"], service.ledger.unbilled) == (0, 1)


def test_a_reset_forgets_what_happened_but_gives_no_id_twice(make_service, body):
    service, request = make_service(), body()
    model = service.check(request, "2026-10-21")
    first = service.answer(request, model, request_id="req_1").message["id"]
    service.reset()
    assert service.ledger.as_json()["paid"] == 0
    assert service.answer(request, model, request_id="req_2").message["id"] != first
