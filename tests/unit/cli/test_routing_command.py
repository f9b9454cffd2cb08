"""`harness route` over a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from routing_making import Passes, failing, make_run, make_trial

from harness import Router
from harness.cli.routing import route
from harness.errors import HarnessError, UsageError
from harness.store import Entry, ResultRow, Store

Route = Callable[..., str]
GOOD = failing({"haiku": 0, "opus": 0})


@pytest.fixture
def routed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Route:
    """What `harness route` prints of a run in which candidates pass as they are told to."""
    monkeypatch.chdir(tmp_path)

    def call(passes: Passes, *args: str, cases: int = 100) -> str:
        keep(tmp_path / "s.db", passes, cases)
        ended = CliRunner().invoke(route, ["r1", "--store", "s.db", "--margin", "0.05", *args])
        if isinstance(ended.exception, HarnessError):
            raise ended.exception
        assert ended.exception is None, ended.exception
        return ended.stdout

    return call


def keep(file: Path, passes: Passes, cases: int) -> None:
    store, names = Store(f"sqlite:///{file}"), ("haiku", "opus")
    store.start(make_run(names, cases))
    results = [
        make_trial(name, case, passed=passes(name, case), tags=("ab"[case % 2], "all"))
        for case in range(cases)
        for name in names
    ]
    calls = [call for result in results for call in result.calls]
    entries = [Entry(call.answer.key, call.request, call.answer) for call in calls]
    store.exchange((), entries, [ResultRow("r1", i, result) for i, result in enumerate(results)])
    store.close()


def test_the_verdict_is_printed_with_its_tables(routed: Route) -> None:
    text = routed(GOOD)
    assert text.startswith("Route to haiku: no worse than opus by 5 points or more")
    assert "At other margins" in text


def test_json_has_routing_tags_and_cascades(routed: Route) -> None:
    document = json.loads(
        routed(GOOD, "--json", "--by", "tag", "--tags", "a,b", "--signal", "equals")
    )
    found = document["routing"]
    assert (found["reference"], found["margin"], found["alpha"]) == ("opus", 0.05, 0.05)
    assert (found["recommended"], found["verdict"]) == ("haiku", "non_inferior")
    haiku = found["candidates"][0]
    assert {"name", "verdict", "difference_low", "cost_per_case", "saving"} <= set(haiku)
    assert haiku["saving"]["live"]["value"].startswith("14.4")
    assert [one["tag"] for one in document["by_tag"]["routes"]] == ["a", "b"]
    assert document["cascades"][0]["bound"] == "upper bound"


def test_a_policy_is_written_and_can_be_followed(routed: Route) -> None:
    routed(GOOD, "--write", "routing.yaml")
    assert Router.load("routing.yaml").model_for(["a"]) == "claude-haiku"


def test_an_invalid_run_ends_with_3_and_writes_nothing(routed: Route) -> None:
    with pytest.raises(HarnessError, match="are missing") as caught:
        routed(lambda _name, case: case > 9 or None, "--write", "routing.yaml")
    assert caught.value.exit_code == 3
    assert not Path("routing.yaml").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(["--margin", "0"], "margin of 0", id="margin"),
        pytest.param(["--alpha", "1"], "alpha of 1", id="alpha"),
        pytest.param(["--reference", "gpt"], "'gpt' was not run", id="reference"),
        pytest.param(["--by", "tag"], "exactly one routing tag", id="overlapping tags"),
        pytest.param(["--tags", "a"], "write --by tag with it", id="tags without by"),
        pytest.param(["--signal", "x"], "no grader 'x' graded", id="signal"),
    ],
)
def test_what_cannot_be_meant_is_refused(routed: Route, args: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        routed(GOOD, *args, cases=9)


def test_a_run_without_results_is_refused(routed: Route) -> None:
    with pytest.raises(UsageError, match="r1 has no results"):
        routed(GOOD, cases=0)
