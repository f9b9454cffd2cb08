"""Message batches without HTTP: their frame, their time, their ends, and what they cost."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from harness.models.table import load_registry
from harness.simulator import Entry, Fault, RateLimit, Reply, Script, Settings, fingerprint
from harness.simulator.batch_checks import check_frame
from harness.simulator.batches import DAY_S, Batch, Batches
from harness.simulator.faults import KINDS
from harness.simulator.problem import ApiError, InvalidError
from harness.simulator.service import Service

REGISTRY = load_registry()
HERE = "http://127.0.0.1:1"
VERSION = "2026-10-21"
NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def desk(make_service: Callable[..., Service], body: Callable[..., Any]) -> Callable[..., Any]:
    """A service with one batch in it, and the batch."""

    def make(*faults: str, ids: list[str] = NAMES, params: Any = None, **settings: Any) -> Any:
        parsed = tuple(Fault.parse(text) for text in faults)
        service = make_service(faults=parsed, **{"batch_s": 10.0, **settings})
        asked = [{"custom_id": name, "params": params or body(f"Say {name}.")} for name in ids]
        return service, service.batches.create(asked, VERSION)

    return make


def parsed(service: Service, batch: Batch) -> list[Any]:
    return [json.loads(line) for line in service.batches.results(batch.id) if line.strip()]


def outcomes(service: Service, batch: Batch) -> dict[str, str]:
    return {line["custom_id"]: line["result"]["type"] for line in parsed(service, batch)}


def counts(service: Service, batch: Batch) -> dict[str, int]:
    shown = service.batches.find(batch.id).as_json(HERE, service.clock())["request_counts"]
    return {name: count for name, count in shown.items() if count}


def paid(service: Service) -> int:
    return len(service.ledger.paid)


def frame(*ids: Any) -> dict[str, Any]:
    return {"requests": [{"custom_id": name, "params": {}} for name in ids]}


REFUSED = {
    "no requests key": ({}, "requests: Field required"),
    "no list": ({"requests": {}}, "requests: Input should be a valid list"),
    "empty": (frame(), "requests: List should have at least 1 item"),
    "too many": (frame(*"abcdef"), "requests: List should have at most 5 items"),
    "space": (frame("a", "b c"), "requests.1.custom_id: String should match pattern"),
    "line end": (frame("a\n"), "requests.0.custom_id: String should match pattern"),
    "no ASCII": (frame("é"), "requests.0.custom_id: String should match pattern"),
    "empty id": (frame(""), "requests.0.custom_id: String should match pattern"),
    "long": (frame("a" * 65), "requests.0.custom_id: String should have at most 64 characters"),
    "number": (frame(1), "requests.0.custom_id: Input should be a valid string"),
    "twice": (frame("a", "b", "a"), "requests.2.custom_id: 'a' is not unique"),
    "no params": ({"requests": [{"custom_id": "a"}]}, "requests.0.params: Field required"),
    "other key": ({**frame("a"), "model": "m"}, "model: Extra inputs are not permitted"),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_a_frame_that_the_api_refuses_is_refused_at_once(body, message):
    with pytest.raises(InvalidError) as refused:
        check_frame(body, most=5)
    assert refused.value.message.startswith(message)


def test_what_the_params_say_is_not_looked_at_on_submission():
    check_frame(frame("a" * 64, "A-z_0"), most=5)


def test_everything_is_processing_until_the_batch_ends(desk, clock):
    service, batch = desk()
    clock.now += 9.9
    assert counts(service, batch) == {"processing": 4}
    clock.now += 0.1
    assert counts(service, batch) == {"succeeded": 4}


def test_a_batch_in_progress_shows_neither_end_nor_results(desk, clock):
    _, batch = desk()
    shown = batch.as_json(HERE, clock.now)
    assert (shown["created_at"], shown["expires_at"]) == (
        *("2023-11-14T22:13:20.000000Z", "2023-11-15T22:13:20.000000Z"),
    )
    unset = ("ended_at", "results_url", "cancel_initiated_at", "archived_at")
    assert [shown[key] for key in unset] == [None] * 4


def test_an_ended_batch_says_when_and_where_its_results_are(desk, clock):
    service, batch = desk()
    clock.now += 12
    shown = service.batches.find(batch.id).as_json(HERE, clock.now)
    assert (shown["processing_status"], shown["ended_at"]) == (
        *("ended", "2023-11-14T22:13:32.000000Z"),
    )
    assert shown["results_url"] == f"{HERE}/v1/messages/batches/{batch.id}/results"


def test_results_are_all_there_in_another_order(desk, clock):
    names = [f"r{n}" for n in range(50)]
    service, batch = desk(ids=names)
    clock.now += 10
    found = [line["custom_id"] for line in parsed(service, batch)]
    assert sorted(found) == sorted(names)
    assert found != names


def test_there_are_no_results_before_the_end(desk):
    service, batch = desk()
    with pytest.raises(ApiError, match="no available results") as refused:
        service.batches.results(batch.id)
    assert refused.value.status == 404


def test_requests_are_paid_for_as_time_passes_and_once(desk, clock):
    service, _ = desk()
    seen = []
    for _ in range(4):
        clock.now += 5
        service.batches.advance()
        seen.append(paid(service))
    assert seen == [2, 4, 4, 4]


def test_what_was_paid_for_names_its_batch_and_the_tier(desk, clock):
    service, batch = desk(ids=["a"])
    clock.now += 10
    message = parsed(service, batch)[0]["result"]["message"]
    (entry,) = service.ledger.as_json()["requests"]
    assert entry["batch_id"] == batch.id
    assert entry["usage"] == message["usage"]
    assert message["usage"]["service_tier"] == "batch"


def test_a_batch_answers_as_a_live_request_is_answered(desk, body, clock):
    scripted = Script({fingerprint(body("Say a.")): Entry({"*": (Reply.of("a"),)})})
    service, batch = desk(ids=["a"], script=scripted)
    clock.now += 10
    message = parsed(service, batch)[0]["result"]["message"]
    assert message["content"] == [{"type": "text", "text": "a", "citations": None}]


def test_a_request_of_a_batch_may_read_what_one_before_it_cached(desk, body, clock):
    marked = {"type": "text", "text": "x" * 20_000, "cache_control": {"type": "ephemeral"}}
    service, batch = desk(ids=["a", "b"], params=body([marked]))
    clock.now += 10
    usages = [line["result"]["message"]["usage"] for line in parsed(service, batch)]
    assert sorted(usage["cache_read_input_tokens"] > 0 for usage in usages) == [False, True]


def test_the_limits_of_live_requests_are_not_those_of_a_batch(desk, clock):
    service, batch = desk(rate_limit=RateLimit(requests_per_minute=1))
    clock.now += 10
    assert counts(service, batch) == {"succeeded": 4}


WRONG = {
    "stream": ({"stream": True}, "stream: not supported in a batch"),
    "speed": ({"speed": "standard"}, "speed: not supported in a batch"),
    "no tokens": ({"max_tokens": 0}, "max_tokens: must be at least 1"),
    "unknown key": ({"store": True}, "store: Extra inputs are not permitted"),
    "sampling": ({"temperature": 0}, "temperature: Extra inputs are not permitted"),
    "messages": ({"messages": 5}, "messages: Input should be a valid list"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_params_that_are_wrong_end_in_an_errored_line(desk, body, clock, changes, message):
    service, batch = desk(ids=["a"], params=body(**changes))
    clock.now += 10
    error = parsed(service, batch)[0]["result"]["error"]
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert error["error"]["message"].startswith(message)
    assert error["request_id"].startswith("req_")


def test_an_unknown_model_is_found_out_by_the_result(desk, body, clock):
    service, batch = desk(ids=["a"], params=body(model="claude-nobody"))
    clock.now += 10
    error = parsed(service, batch)[0]["result"]["error"]["error"]
    assert error == {"type": "not_found_error", "message": "model: claude-nobody"}
    assert (counts(service, batch), paid(service)) == ({"errored": 1}, 0)


def test_the_old_version_lets_a_batch_have_a_temperature(make_service, body, clock):
    service = make_service()
    request = {"custom_id": "a", "params": body(temperature=0)}
    batch = service.batches.create([request], "2023-06-01")
    clock.now += 1
    assert outcomes(service, batch) == {"a": "succeeded"}


def test_a_status_in_the_script_is_an_errored_line(desk, body, clock):
    entry = Entry({"*": (Reply.of({"status": 529}),)})
    service, batch = desk(ids=["a"], script=Script({fingerprint(body("Say a.")): entry}))
    clock.now += 10
    assert parsed(service, batch)[0]["result"]["error"]["error"]["type"] == "overloaded_error"


def test_a_bug_in_the_simulator_errors_one_request_only(desk, body, clock, caplog):
    no_reply: Any = object()
    service, batch = desk(script=Script({fingerprint(body("Say b.")): Entry({"*": (no_reply,)})}))
    clock.now += 10
    assert counts(service, batch) == {"succeeded": 3, "errored": 1}
    assert [record.message for record in caplog.records] == [
        f"a bug in the simulator, at request 'b' of batch {batch.id}"
    ]


def test_a_canceled_batch_keeps_what_was_done_and_ends_a_little_later(desk, clock):
    service, batch = desk()
    clock.now += 5
    assert service.batches.cancel(batch.id).status == "canceling"
    clock.now += 0.5
    assert counts(service, batch) == {"processing": 4}
    clock.now += 0.5
    assert counts(service, batch) == {"succeeded": 2, "canceled": 2}
    assert Counter(outcomes(service, batch).values()) == {"succeeded": 2, "canceled": 2}
    assert paid(service) == 2


def test_a_second_cancellation_changes_nothing(desk, clock):
    service, batch = desk()
    first = service.batches.cancel(batch.id).canceled
    clock.now += 0.5
    assert service.batches.cancel(batch.id).canceled == first


def test_a_batch_that_has_ended_is_not_canceled(desk, clock):
    service, batch = desk()
    clock.now += 10
    with pytest.raises(ApiError, match="has ended"):
        service.batches.cancel(batch.id)


def test_what_is_not_done_after_a_day_expires(desk, clock):
    service, batch = desk(batch_s=2 * DAY_S)
    clock.now += DAY_S + 60
    assert counts(service, batch) == {"succeeded": 2, "expired": 2}
    assert (batch.ended, paid(service)) == (batch.created + DAY_S, 2)


def test_results_are_archived_29_days_after_creation(desk, clock):
    service, batch = desk()
    clock.now += 29 * DAY_S
    shown = service.batches.find(batch.id).as_json(HERE, clock.now)
    assert (shown["archived_at"], shown["results_url"]) == ("2023-12-13T22:13:20.000000Z", None)
    with pytest.raises(ApiError, match="no available results"):
        service.batches.results(batch.id)


def test_a_clock_that_goes_back_takes_nothing_back(desk, clock):
    service, batch = desk()
    clock.now += 5
    service.batches.advance()
    clock.now -= 100
    assert counts(service, batch) == {"processing": 4}
    assert paid(service) == 2


def test_a_batch_is_deleted_only_after_its_end(desk, clock):
    service, batch = desk()
    with pytest.raises(ApiError, match="before it has ended"):
        service.batches.delete(batch.id)
    clock.now += 10
    assert service.batches.delete(batch.id) == {"id": batch.id, "type": "message_batch_deleted"}
    with pytest.raises(ApiError) as gone:
        service.batches.find(batch.id)
    assert gone.value.status == 404


def test_the_ledger_remembers_every_batch_that_landed(desk, clock):
    service, batch = desk()
    clock.now += 10
    service.batches.delete(batch.id)
    assert service.ledger.as_json()["batches"] == {batch.id: 4}


def test_a_large_batch_is_worked_on_in_slices(desk, clock):
    service, batch = desk(ids=[f"r{n}" for n in range(5)])
    clock.now += 10
    assert service.batches.advance(limit=3)
    assert (paid(service), batch.ended) == (3, None)
    assert not service.batches.advance(limit=3)
    assert (paid(service), service.batches.busy) == (5, False)


def test_a_reset_forgets_the_batches(desk):
    service, batch = desk()
    service.reset()
    assert not service.batches.busy
    assert service.ledger.as_json()["batches"] == {}
    with pytest.raises(ApiError):
        service.batches.find(batch.id)


UNPAID = {
    "expired": ("expired", {"succeeded": 3, "expired": 1}),
    "canceled": ("canceled", {"succeeded": 3, "canceled": 1}),
    "errored": ("errored", {"succeeded": 3, "errored": 1}),
    "unknown_result": ("postponed", {"succeeded": 3, "errored": 1}),
}


@pytest.mark.parametrize(("kind", "wanted"), UNPAID.items(), ids=UNPAID)
def test_a_request_may_end_without_an_answer(desk, clock, kind, wanted):
    service, batch = desk(f"{kind},after=1,times=1")
    clock.now += 10
    assert (outcomes(service, batch)["b"], counts(service, batch)) == wanted
    assert paid(service) == 3


ERRORS = {
    "errored": "api_error",
    "errored=overloaded_error": "overloaded_error",
    "errored=billing_error": "billing_error",
    "errored=brand_new_error": "brand_new_error",
    "errored,status=429": "rate_limit_error",
}


@pytest.mark.parametrize(("fault", "kind"), ERRORS.items(), ids=ERRORS)
def test_an_errored_line_is_of_the_type_that_is_asked_for(desk, clock, fault, kind):
    service, batch = desk(fault, ids=["a"])
    clock.now += 10
    assert parsed(service, batch)[0]["result"]["error"]["error"]["type"] == kind


LINES = {"missing_line": 3, "duplicate_line": 5, "blank_line": 5, "broken_line": 4}


@pytest.mark.parametrize(("kind", "lines"), LINES.items(), ids=LINES)
def test_a_line_that_is_not_as_it_should_be_is_paid_for_once(desk, clock, kind, lines):
    service, batch = desk(f"{kind},times=1")
    clock.now += 10
    assert counts(service, batch) == {"succeeded": 4}
    assert (len(service.batches.results(batch.id)), paid(service)) == (lines, 4)


def test_a_fault_of_lines_hits_one_model_only(desk, clock):
    service, batch = desk("expired,models=opus")
    clock.now += 10
    assert counts(service, batch) == {"succeeded": 4}


def test_faults_of_live_requests_leave_batches_alone(desk, clock):
    service, batch = desk("status=500")
    clock.now += 10
    assert counts(service, batch) == {"succeeded": 4}


def test_results_may_be_archived_early(desk, clock):
    service, batch = desk("archived")
    assert batch.as_json(HERE, clock.now)["archived_at"] is None
    clock.now += 10
    shown = service.batches.find(batch.id).as_json(HERE, clock.now)
    assert (shown["archived_at"], shown["results_url"]) == (shown["ended_at"], None)


@pytest.mark.parametrize(
    ("fault", "host"),
    [
        ("results_elsewhere", "https://results.example"),
        ("results_elsewhere=http://127.0.0.2:80/", "http://127.0.0.2:80"),
    ],
    ids=["named by default", "named"],
)
def test_results_may_be_said_to_be_on_another_host(desk, clock, fault, host):
    service, batch = desk(fault)
    clock.now += 10
    shown = service.batches.find(batch.id).as_json(HERE, clock.now)
    assert shown["results_url"] == f"{host}/v1/messages/batches/{batch.id}/results"


def listed(batches: Batches, **query: str) -> tuple[list[str], bool]:
    page = batches.page(query, HERE)
    ids = [shown["id"] for shown in page["data"]]
    assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
    return ids, page["has_more"]


@pytest.fixture
def five(make_service: Callable[..., Service]) -> tuple[Batches, list[str]]:
    """Five batches, and their ids from the newest to the oldest."""
    batches = make_service().batches
    ids = [batches.create([{"custom_id": "a", "params": {}}], VERSION).id for _ in range(5)]
    return batches, ids[::-1]


def test_the_newest_batch_is_listed_first(five):
    batches, ids = five
    assert listed(batches) == (ids, False)


def test_a_page_goes_on_after_a_batch(five):
    batches, ids = five
    assert listed(batches, limit="2") == (ids[:2], True)
    assert listed(batches, limit="2", after_id=ids[1]) == (ids[2:4], True)
    assert listed(batches, limit="2", after_id=ids[3]) == (ids[4:], False)


def test_a_page_may_end_before_a_batch(five):
    batches, ids = five
    assert listed(batches, limit="2", before_id=ids[3]) == (ids[1:3], True)
    assert listed(batches, limit="5", before_id=ids[3]) == (ids[:3], False)


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "١"], ids=str)
def test_a_limit_out_of_range_is_refused(five, limit):
    with pytest.raises(InvalidError, match="between 1 and 1000"):
        five[0].page({"limit": limit}, HERE)


def test_a_page_after_a_batch_that_nobody_knows_is_refused(five):
    with pytest.raises(InvalidError, match="no object has the id"):
        five[0].page({"after_id": "msgbatch_01"}, HERE)


FAULTS = ["expired,p=0.3", "canceled,p=0.1", "errored,p=0.2", "unknown_result,p=0.1"]


@examples(max_examples=60, deadline=None)
@given(
    total=st.integers(1, 12),
    steps=st.lists(st.floats(0, 4), max_size=8),
    cancel_at=st.none() | st.integers(0, 7),
)
def test_counts_always_sum_to_the_requests_and_only_answers_are_paid(total, steps, cancel_at):
    now, faults = [0.0], tuple(map(Fault.parse, FAULTS))
    service = Service(Settings(batch_s=10, faults=faults), REGISTRY, clock=lambda: now[0])
    message = {"role": "user", "content": "hi"}
    params = {"model": "claude-opus-4-6", "max_tokens": 9, "messages": [message]}
    asked = [{"custom_id": f"r{n}", "params": params} for n in range(total)]
    batch = service.batches.create(asked, VERSION)
    for index, step in enumerate([*steps, DAY_S]):
        now[0] += step
        shown = service.batches.find(batch.id).as_json(HERE, now[0])["request_counts"]
        assert sum(shown.values()) == total
        if index == cancel_at and batch.ended is None:
            service.batches.cancel(batch.id)
    assert len(parsed(service, batch)) == total
    assert paid(service) == batch.counts["succeeded"]


UNREADABLE = {
    "create_drops,models=haiku": "hits whole batches; leave out `models`",
    "create_drops=5": "takes no value",
    "create_slow=soon": "cannot be read",
    "create_lands=200": "between 400 and 599",
}


@pytest.mark.parametrize(("text", "message"), UNREADABLE.items(), ids=UNREADABLE)
def test_a_batch_fault_that_cannot_be_meant_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Fault.parse(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_is_documented(kind):
    page = Path(__file__).parents[3] / "docs" / "simulator.md"
    assert re.search(rf"^\|.*`{kind}[`=]", page.read_text(encoding="utf-8"), re.MULTILINE)


WRONG_SETTINGS = [{"batch_s": -1}, {"batch_requests": 0}, {"batch_bytes": 0}]


@pytest.mark.parametrize("settings", WRONG_SETTINGS, ids=["time", "requests", "bytes"])
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(ValueError, match="batch"):
        Settings(**settings)
