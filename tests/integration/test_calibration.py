"""A judge that is deliberately biased: drawing a sheet, filling it in, and what comes of it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli.calibrating import calibrate, label
from harness.errors import HarnessError, UsageError

CASES = 40
SUITE = """
suite: {name}
models: [haiku, sonnet]
prompt: "Describe thing {{{{ n }}}}."
params: {{max_tokens: 500}}
graders: [{{{grader}}}]
cases: [{{data: cases.jsonl, id: "c{{{{ row.n }}}}", vars: {{n: "{{{{ row.n }}}}"}}}}]
"""
RUBRIC = "rubric: Is right., judge: opus"
NAMED = f"{RUBRIC}, name: right"
PAIR = "pairwise: haiku, judge: opus"
STORE = ("--store", "store.db")


def good(n: int) -> bool:
    """What people think of the answers to a case, whoever gave them."""
    return n % 2 == 0


def answer(n: int, candidate: str) -> str:
    """An answer whose length has nothing to do with its quality."""
    words = " ".join([f"{candidate}{n}"] * (3 * 4 ** (n // 2 % 3)))
    return f"={words}" if n == 1 else words


Verdict = Callable[[int, str], str]


@pytest.fixture(scope="module")
def kept() -> dict[Any, Path]:
    """The folders of runs that were made already."""
    return {}


@pytest.fixture
def prepared(
    bench: Any, monkeypatch: pytest.MonkeyPatch, kept: dict[Any, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., None]:  # fmt: skip
    """A folder with a run whose judge says what a function of case and candidate says."""
    monkeypatch.chdir(bench.folder)

    def run(verdict: Verdict, grader: str = RUBRIC, name: str = "judged") -> None:
        if (verdict, grader) not in kept:
            judged(bench, verdict, grader, name)
            kept[verdict, grader] = tmp_path_factory.mktemp("run") / "kept"
            shutil.copytree(bench.folder, kept[verdict, grader])
        shutil.copytree(kept[verdict, grader], bench.folder, dirs_exist_ok=True)

    return run


def judged(bench: Any, verdict: Verdict, grader: str = RUBRIC, name: str = "judged") -> None:
    """Run a suite with a scripted judge."""
    cases, names = range(CASES), ("haiku", "sonnet")
    script = {
        "answers": {f"c{n}": {who: answer(n, who) for who in names} for n in cases},
        "judges": {f"c{n}": {who: verdict(n, who) for who in names} for n in cases},
    }
    bench.write("cases.jsonl", "\n".join(json.dumps({"n": n}) for n in cases))
    bench.write("answers.yaml", json.dumps(script))
    bench.write(f"{name}.yaml", SUITE.format(name=name, grader=grader))
    ended = bench.run(None, f"{name}.yaml", offline=True)
    assert not ended.outcomes.keys() - {"passed", "failed"}, ended.outcomes


def truth(n: int, _who: str) -> str:
    return "met" if good(n) else "not_met"


def fond_of_sonnet(n: int, who: str) -> str:
    return "met" if who == "sonnet" else truth(n, who)


def fond_of_length(n: int, who: str) -> str:
    return "met" if len(answer(n, who).split()) > 3 else "not_met"


def said(command: Any, *args: str) -> str:
    """What a command prints about the store of the bench."""
    ended = CliRunner().invoke(command, [*args, *STORE])
    if ended.exception is not None:
        raise ended.exception
    return ended.stdout


def rows(path: str = "labels.csv") -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def save(sheet: list[dict[str, str]], path: str = "labels.csv") -> None:
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(sheet[0]))
        writer.writeheader()
        writer.writerows(sheet)


def labelled(count: int = 40, word: Callable[[int], str] | None = None) -> None:
    """A sheet of so many trials, drawn and filled in as people think."""
    said(label, "latest", "--sample", str(count))
    sheet = rows()
    for row in sheet:
        n = int(row["case"][1:])
        row["label"] = word(n) if word else "pass" if good(n) else "fail"
    save(sheet)


def calibrated(*args: str) -> dict[str, Any]:
    """The first judge of the calibration, as data."""
    told = said(calibrate, *(args or ("latest",)), "--labels", "labels.csv", "--json")
    document = json.loads(told)
    judge: dict[str, Any] = document["judges"][0]
    return judge


def test_a_judge_that_says_what_people_say_is_trusted(prepared: Any) -> None:
    prepared(truth)
    labelled(60)
    found = calibrated()
    assert (found["trust"], found["accuracy"]["value"], found["kappa"]["value"]) == (
        "trusted",
        1,
        1,
    )
    assert (found["disagreements"], len(found["summary"])) == ([], 1)


def test_a_judge_that_favours_a_candidate_is_found_out(prepared: Any) -> None:
    prepared(fond_of_sonnet)
    labelled()
    found = calibrated()
    haiku, sonnet = found["candidates"]
    assert (haiku["bias"]["value"], haiku["bias"]["low"] <= 0) == (0, True)
    assert sonnet["bias"]["low"] > 0
    assert "It favours sonnet over haiku" in " ".join(found["summary"])


def test_labels_of_a_random_part_correct_the_rate_of_all(prepared: Any) -> None:
    prepared(fond_of_sonnet)
    labelled()
    for candidate in calibrated()["candidates"]:
        corrected = candidate["corrected"]
        assert corrected["low"] <= 0.5 <= corrected["high"]
        assert candidate["raw"]["value"] == (1 if candidate["name"] == "sonnet" else 0.5)


def test_a_judge_that_favours_long_answers_is_found_out(prepared: Any) -> None:
    prepared(fond_of_length)
    labelled(60)
    found = calibrated()
    assert found["length_bias"]["low"] > 0
    assert found["trust"] == "not_trusted"
    assert "favours long answers" in " ".join(found["summary"])


def test_a_judge_that_favours_the_first_place_is_found_out(prepared: Any) -> None:
    prepared(lambda n, who: "first", PAIR, "pairs")
    labelled(20, lambda n: "win" if good(n) else "loss")
    found = calibrated()
    place = found["position_bias"]
    assert (place["follows_place"]["value"], place["picks_first"]["low"] > 0.5) == (1, True)
    assert "Leans by place" in " ".join(found["summary"])


def test_a_pair_that_is_consistent_shows_no_favourite_place(prepared: Any) -> None:
    prepared(lambda n, who: "win" if good(n) else "loss", PAIR, "pairs")
    labelled(20, lambda n: "win" if good(n) else "loss")
    found = calibrated()
    assert found["position_bias"]["follows_place"]["value"] == 0
    assert found["position_bias"]["missing"] == 0


def test_rows_that_no_judge_was_asked_about_are_neither_drawn_nor_counted(prepared: Any) -> None:
    prepared(lambda n, who: "win" if good(n) else "loss", PAIR, "pairs")
    labelled(80, lambda n: "win" if good(n) else "loss")
    assert {row["candidate"] for row in rows()} == {"sonnet"}
    found = calibrated()
    assert (found["judgements"], [one["name"] for one in found["candidates"]]) == (
        CASES,
        ["sonnet"],
    )


def test_the_sheet_does_not_show_what_the_judge_said(prepared: Any) -> None:
    prepared(fond_of_sonnet)
    labelled()
    text = Path("labels.csv").read_text(encoding="utf-8")
    assert "script says" not in text
    assert "met" not in re.split(r"\W+", text)


def test_the_sheet_shows_the_answer_that_a_pair_is_held_against(prepared: Any) -> None:
    prepared(lambda n, who: "win", PAIR, "pairs")
    said(label, "latest", "--sample", "4")
    for row in rows():
        assert row["compare_with"].startswith("'=" if row["case"] == "c1" else "haiku")


def test_no_answer_becomes_a_formula_in_the_sheet(prepared: Any) -> None:
    prepared(truth)
    said(label, "latest", "--sample", "80")
    assert {row["answer"][:2] for row in rows() if row["case"] == "c1"} == {"'="}


def test_as_many_trials_of_each_candidate_are_drawn_and_others_by_another_seed(
    prepared: Any,
) -> None:
    prepared(truth)
    drawn = []
    for seed in ("1", "1", "2"):
        Path("labels.csv").unlink(missing_ok=True)
        said(label, "latest", "--sample", "20", "--seed", seed)
        drawn.append([row["trial"] for row in rows()])
    assert drawn[0] == drawn[1] != drawn[2]
    assert sum("[haiku" in trial for trial in drawn[0]) == len(drawn[0]) / 2 == 10


def test_a_sheet_is_not_overwritten(prepared: Any) -> None:
    prepared(truth)
    labelled()
    with pytest.raises(UsageError, match="exists"):
        said(label, "latest")


def test_labels_serve_again_where_a_judge_was_changed_and_the_answers_were_not(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    judged(bench, fond_of_sonnet, NAMED)
    labelled()
    before = calibrated("judged.yaml")
    judged(bench, truth, NAMED.replace("Is right", "Is quite right"))
    after = calibrated("judged.yaml")
    assert after["kappa"]["value"] == 1 > before["kappa"]["value"]
    assert after["labels"] == before["labels"]


def test_labels_for_another_criterion_are_noted_by_name_and_refused_without(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    judged(bench, truth, f"{NAMED}}}, {{{RUBRIC}")
    labelled(4)
    again = f"{NAMED}}}, {{{RUBRIC}".replace("Is right", "Is quite right")
    judged(bench, truth, again)
    with pytest.raises(UsageError, match=r"labelled for 'Is right\.'; 'rubric' of this run judges"):
        calibrated()
    save([row for row in rows() if row["grader"] == "right"])
    ended = CliRunner().invoke(calibrate, ["latest", "--labels", "labels.csv", *STORE])
    assert "note: lines 2, 3, 4, 5: labelled for 'Is right.'; 'right' now" in ended.stderr


def test_labels_of_another_answer_are_refused(prepared: Any) -> None:
    prepared(truth)
    labelled()
    sheet = rows()
    sheet[0]["key"] = "k0"
    save(sheet)
    with pytest.raises(UsageError, match="labelled for another answer"):
        calibrated()


def test_a_sample_of_fewer_trials_than_the_run_has_corrects_nothing(prepared: Any) -> None:
    prepared(truth)
    labelled()
    sheet = [{**row, "drawn": "random 20 of 30"} for row in rows()]
    save(sheet)
    why = {one["corrected"]["why"] for one in calibrated()["candidates"]}
    assert why == {"its labels were drawn from 30 trials, and this run has 40"}


def test_rows_chosen_by_hand_show_agreement_and_correct_nothing(prepared: Any) -> None:
    prepared(truth)
    labelled()
    save([{**row, "drawn": ""} for row in rows()])
    found = calibrated()
    assert found["accuracy"]["value"] == 1
    assert {one["corrected"]["value"] for one in found["candidates"]} == {None}


def test_rows_without_a_label_are_told(prepared: Any) -> None:
    prepared(truth)
    labelled()
    sheet = rows()
    sheet[0]["label"] = ""
    save(sheet)
    found = calibrated()
    assert found["labels"] == 39
    assert "1 drawn row without a label" in " ".join(found["notes"])


def test_one_label_alone_gives_a_result_without_limits(prepared: Any) -> None:
    prepared(truth)
    labelled()
    save(rows()[:1])
    found = calibrated()
    assert (found["accuracy"]["value"], found["accuracy"]["low"]) == (1, None)
    assert (found["trust"], found["labels_wanted"]) == ("unclear", None)


def test_all_that_is_wrong_in_a_sheet_is_told_with_its_line(prepared: Any) -> None:
    prepared(truth)
    labelled()
    sheet = rows()
    sheet[1]["label"] = "passed"
    sheet[2]["trial"] = "judged/nowhere[haiku-r1]"
    sheet[3]["grader"] = "rubrik"
    save([*sheet, sheet[0]])
    with pytest.raises(UsageError) as wrong:
        calibrated()
    head, *texts = str(wrong.value).splitlines()
    assert head == "4 errors in labels.csv"
    texts = [text for text in texts if text.startswith("labels.csv:")]
    assert [int(text.split(":")[1]) for text in texts] == [3, 4, 5, 42]
    for text, told in zip(
        texts, ("is none of pass, fail", "no judged trial", "`rubric`", "in line 2"), strict=True
    ):
        assert told in text


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(("nowhere",), "no run 'nowhere'", id="no such run"),
        pytest.param(("latest", "more"), "name one run, or suites", id="two runs"),
        pytest.param(("cases.jsonl",), "no stored run has the suite", id="no suite"),
        pytest.param(("latest", "--grader", "rubrc"), "did you mean `rubric`", id="no such judge"),
    ],
)
def test_what_cannot_be_meant_is_refused(prepared: Any, args: tuple[str, ...], told: str) -> None:
    prepared(truth)
    labelled()
    with pytest.raises(HarnessError, match=re.escape(told)):
        calibrated(*args)


def test_a_sheet_without_labels_is_refused(prepared: Any) -> None:
    prepared(truth)
    said(label, "latest")
    with pytest.raises(UsageError, match="no row has a label"):
        calibrated()


@pytest.mark.parametrize("command", [label, calibrate], ids=["label", "calibrate"])
def test_a_run_without_a_judge_is_refused(
    bench: Any, monkeypatch: pytest.MonkeyPatch, command: Any
) -> None:
    monkeypatch.chdir(bench.folder)
    bench.words(2)
    bench.run(None, offline=True)
    bench.write("labels.csv", "trial,grader,label\nwords/c0[haiku-r1],rubric,pass\n")
    options = ("--labels", "labels.csv") if command is calibrate else ()
    with pytest.raises(UsageError, match="has no judge"):
        said(command, "latest", *options)


def test_the_table_shows_agreement_rates_and_disagreements(prepared: Any) -> None:
    prepared(fond_of_sonnet)
    labelled()
    text = said(calibrate, "latest", "--labels", "labels.csv")
    assert text.startswith("simulated: nothing here came from Claude")
    for part in ("Cohen's kappa", "corrected", "Disagreements: ", "people fail, judge pass"):
        assert part in text


def test_what_was_drawn_is_told_as_data(prepared: Any) -> None:
    prepared(truth)
    found = json.loads(said(label, "latest", "--sample", "2", "--json"))
    assert (found["file"], found["trials"], len(found["rows"])) == ("labels.csv", 2, 2)
    assert {(row["drawn"], row["out_of"]) for row in found["rows"]} == {(1, CASES)}


def test_each_judge_of_a_run_is_calibrated_by_its_own_labels(prepared: Any) -> None:
    two = "rubric: Is right., judge: opus}, {rubric: Is kind., name: kind, judge: opus"
    prepared(truth, two)
    labelled(8)
    text = said(calibrate, "latest", "--labels", "labels.csv")
    assert text.count("8 labels of 80 judgements") == 2
    assert calibrated("latest", "--grader", "kind")["grader"] == "kind"


def test_a_judge_without_a_label_of_its_own_is_refused(prepared: Any) -> None:
    two = "rubric: Is right., judge: opus}, {rubric: Is kind., name: kind, judge: opus"
    prepared(truth, two)
    labelled(8)
    save([row for row in rows() if row["grader"] == "rubric"])
    with pytest.raises(UsageError, match=r"labels\.csv has no label for kind"):
        calibrated("latest", "--grader", "kind")
