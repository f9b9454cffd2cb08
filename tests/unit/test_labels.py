"""Label sheets: how they are drawn, written, read and matched with a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import labels
from harness.analysis.calibration import Drawn
from harness.analysis.judged import Judgement
from harness.errors import SuiteError, UsageError
from harness.records import TrialId
from reports.text import cell

KINDS = {("s", "rubric"): "criteria", ("s", "pairwise"): "pairwise"}


def judgement(
    case: str = "c", candidate: str = "haiku", grader: str = "rubric", **more: Any
) -> Any:
    """A judgement on an answer."""
    fields: dict[str, Any] = {
        "trial": TrialId("s", case, candidate), "grader": grader, "kind": "criteria",
        "said": "pass", "score": 1.0, "reason": "met: yes", "judge": "opus, rubric.j2 0",
        "cluster": ("s", case), "question": "Why?", "answer": "Because.", "beside": "Is kind.",
        "key": "k1",
    }  # fmt: skip
    return Judgement(**{**fields, **more})


def sheet(folder: Path, *rows: str, head: str = "trial,grader,label,run,drawn,key") -> Path:
    file = folder / "labels.csv"
    file.write_text("\n".join([head, *rows]), encoding="utf-8")
    return file


def matched(folder: Path, *rows: str, judged: tuple[Any, ...] = ()) -> list[Any]:
    """The rows of a sheet with what the judge said in the run r1."""
    read = labels.read(sheet(folder, *rows))
    found = labels.matched(read, judged or (judgement(),), "r1", kinds=KINDS, escape=cell)
    return list(found.labelled)


def wrong(folder: Path, *rows: str, judged: tuple[Any, ...] = ()) -> str:
    """What is wrong with the rows."""
    with pytest.raises(SuiteError) as raised:
        matched(folder, *rows, judged=judged)
    return str(raised.value)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 20), min_size=1), st.integers(1, 60))
def test_a_sample_is_as_large_as_asked_and_even_over_candidates(
    sizes: dict[str, int], count: int
) -> None:
    judged = [judgement(f"c{n}", name) for name, size in sizes.items() for n in range(size)]
    drawn = Counter(row.judgement.trial.candidate for row in labels.draw(judged, count, Random(1)))
    assert sum(drawn.values()) == min(count, len(judged))
    most = max(drawn.values())
    assert all(drawn[name] in (most, most - 1, size) for name, size in sizes.items())


def test_every_row_tells_out_of_how_many_it_was_drawn() -> None:
    judged = [judgement(f"c{n}", name) for name in ("haiku", "opus") for n in range(5)]
    assert {row.drawn for row in labels.draw(judged, 4, Random(1))} == {Drawn(2, 5)}


def test_a_trial_with_two_judges_is_two_rows_together() -> None:
    judged = [judgement(f"c{n}", grader=name) for n in range(9) for name in ("rubric", "pairwise")]
    rows = labels.draw(judged, 3, Random(1))
    assert len(rows) == 6
    assert [r.judgement.trial for r in rows[::2]] == [r.judgement.trial for r in rows[1::2]]


def test_the_order_of_the_judgements_does_not_change_the_sample() -> None:
    judged = [judgement(f"c{n}") for n in range(20)]
    one, two = (labels.draw(some, 5, Random(7)) for some in (judged, judged[::-1]))
    assert one == two


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = labels.draw([judgement("=1+1"), judgement('"b,\nc"')], 2, Random(1))
    labels.write(tmp_path / "labels.csv", "r1", rows, escape=cell)
    read = labels.read(tmp_path / "labels.csv").rows
    assert {row.drawn for row in read} == {Drawn(2, 2)}
    assert [(row.run, row.label, row.grader) for row in read] == [("r1", "", "rubric")] * 2
    assert {row.trial for row in read} == {cell(str(row.judgement.trial)) for row in rows}


def test_a_text_that_a_spreadsheet_would_cut_says_that_it_is_cut(tmp_path: Path) -> None:
    rows = labels.draw([judgement(answer="x" * 40_000)], 1, Random(1))
    labels.write(tmp_path / "labels.csv", "r1", rows, escape=cell)
    text = (tmp_path / "labels.csv").read_text(encoding="utf-8")
    assert "(cut; `harness show` has the whole)" in text
    assert len(text) < 33_000


@pytest.mark.parametrize("name", ["there.csv", "no/folder.csv"])
def test_a_sheet_is_written_where_there_is_none_and_can_be_one(tmp_path: Path, name: str) -> None:
    (tmp_path / "there.csv").touch()
    with pytest.raises(UsageError, match=r"exists|cannot be written"):
        labels.write(tmp_path / name, "r1", [], escape=cell)


def test_a_label_is_read_whatever_its_case(tmp_path: Path) -> None:
    (found,) = matched(tmp_path, "s/c[haiku-r1],rubric, PASS ,r1,random 1 of 2,k1")
    assert (found.label, found.drawn) == ("pass", Drawn(1, 2))


def test_rows_without_a_label_and_blank_rows_are_passed_over(tmp_path: Path) -> None:
    assert matched(tmp_path, "s/c[haiku-r1],rubric,,r1,,k1", ",,,,,") == []


def test_a_trial_whose_name_was_escaped_is_found(tmp_path: Path) -> None:
    odd = judgement(trial=TrialId("=s", "c", "haiku"))
    read = labels.read(sheet(tmp_path, "'=s/c[haiku-r1],rubric,pass,,,", "=s/c[haiku-r1],x,,,,"))
    found = labels.matched(read, [odd], "r1", kinds={}, escape=cell)
    assert [one.judgement for one in found.labelled] == [odd]


def test_labels_of_another_run_serve_where_the_answer_is_the_same(tmp_path: Path) -> None:
    assert len(matched(tmp_path, "s/c[haiku-r1],rubric,pass,r0,,k1")) == 1


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param("s/x[haiku-r1],rubric,pass,,,", "no judged trial", id="unknown trial"),
        pytest.param("s/x[haiku-r1],rubric,pass,r0,,", "the sheet is of run r0", id="of another"),
        pytest.param("s/c[haiku-r1],rubrik,pass,,,", "did you mean `rubric`", id="unknown judge"),
        pytest.param("s/c[haiku-r1],rubric,ok,,,", "none of pass, fail", id="unknown word"),
        pytest.param("s/c[haiku-r1],rubric,win,,,", "none of pass, fail", id="of another kind"),
        pytest.param("s/c[haiku-r1],rubric,pass,r0,,k2", "another answer, in run r0", id="answer"),
        pytest.param("s/c[haiku-r1],rubric,pass,r0,,", "without the column `key`", id="no key"),
        pytest.param(",rubric,pass,,,", "a label without a trial", id="no trial"),
        pytest.param("s/c[haiku-r1],rubric,pass,,sure,", "not how `harness label`", id="drawn"),
        pytest.param("s/c[haiku-r1],rubric", "2 cells under 6 headers", id="a cell is missing"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(tmp_path: Path, row: str, told: str) -> None:
    said = wrong(tmp_path, "s/c[haiku-r1],rubric,,,,", row)
    assert "labels.csv:3:1: " in said
    assert told in said


def test_a_trial_that_is_labelled_twice_is_told_with_the_first_line(tmp_path: Path) -> None:
    row = "s/c[haiku-r1],rubric,pass,,,"
    assert "labelled twice for 'rubric', first in line 2" in wrong(tmp_path, row, row)


def test_all_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    rows = [f"s/x{n}[haiku-r1],rubric,pass,,," for n in range(3)]
    assert len(wrong(tmp_path, *rows).splitlines()) == 3


def test_a_file_that_is_no_sheet_names_the_columns_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="missing: `grader`, `label`"):
        labels.read(sheet(tmp_path, "x,y", head="trial,verdict"))


def test_the_columns_that_are_missing_are_told_with_the_rows_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(SuiteError) as raised:
        labels.read(sheet(tmp_path, "x,pass,sure", head="trial,label,drawn"))
    assert [problem.place.line for problem in raised.value.problems if problem.place] == [1, 2]


def test_rows_wrong_on_their_own_are_told_with_those_that_do_not_fit(tmp_path: Path) -> None:
    rows = ["s/x[haiku-r1],rubric,pass,,,", "s/c[haiku-r1],rubric,pass,,sure,k1"]
    told = wrong(tmp_path, *rows, ",rubric,pass,,,").splitlines()
    assert [line.split(":")[1] for line in told] == ["2", "3", "4"]


HEAD = "trial,grader,label,compare_with,answer,key"


def noted(folder: Path, *rows: str, judged: tuple[Any, ...] = ()) -> tuple[str, ...]:
    """What is noted of the rows of a sheet that tells more."""
    read = labels.read(sheet(folder, *rows, head=HEAD))
    found = labels.matched(read, judged or (judgement(),), "r1", kinds={}, escape=cell)
    return found.notes


KIND, SHORT = judgement(beside="Is kind."), judgement(grader="rubric #2", beside="Is short.")


def test_labels_of_two_graders_that_changed_places_are_refused_with_both_texts(
    tmp_path: Path,
) -> None:
    rows = [
        "s/c[haiku-r1],rubric,pass,Is short.,,k1", "s/c[haiku-r1],rubric #2,fail,Is kind.,,k1"
    ]  # fmt: skip
    with pytest.raises(SuiteError) as raised:
        noted(tmp_path, *rows, judged=(KIND, SHORT))
    first, second = raised.value.problems
    told = "labelled for 'Is short.', which 'rubric #2' judges now; 'rubric' of this run judges"
    assert told in first.message
    assert "'Is kind.'" in first.message
    assert second.place is not None
    assert second.place.line == 3


def test_labels_for_one_text_beside_another_are_one_problem_with_all_lines(tmp_path: Path) -> None:
    rows = [f"s/c{n}[haiku-r1],rubric,pass,Be kind.,,k1" for n in range(7)]
    with pytest.raises(
        SuiteError, match=r"\(lines 2, 3, 4, 5, 6, 7, 8\); draw a new sheet"
    ) as found:
        noted(tmp_path, *rows, judged=tuple(judgement(f"c{n}") for n in range(7)))
    assert len(found.value.problems) == 1


@pytest.mark.parametrize(
    ("grader", "refused"),
    [("rubric", True), ("all/panel #2", True), ("rubric (turn 2)", True), ("kind", False),
     ("all/kind (turn 1) #2", False)],
)  # fmt: skip
def test_a_reworded_criterion_keeps_its_labels_where_the_grader_has_a_name_of_its_own(
    tmp_path: Path, grader: str, refused: bool
) -> None:
    row, now = f"s/c[haiku-r1],{grader},pass,Be kind.,,k1", judgement(grader=grader)
    if refused:
        with pytest.raises(SuiteError, match="graders with a `name` of their own"):
            noted(tmp_path, row, judged=(now,))
        return
    (note,) = noted(tmp_path, row, judged=(now,))
    assert note == f"line 2: labelled for 'Be kind.'; {grader!r} now judges 'Is kind.'"


@pytest.mark.parametrize(
    ("sheet_says", "run_says"),
    [("Is kind.", "Is kind."), ("'=a", "=a"), ("=a", "=a"), ('"a\r\nb"', "a\nb"), ("", "Is kind."),
     ("Is kind.", "")],
    ids=["same", "escaped", "no longer escaped", "line ends", "emptied", "unknown to the run"],
)  # fmt: skip
def test_what_a_label_was_held_against_may_be_written_as_spreadsheets_do(
    tmp_path: Path, sheet_says: str, run_says: str
) -> None:
    row = f"s/c[haiku-r1],rubric,pass,{sheet_says},,k1"
    assert noted(tmp_path, row, judged=(judgement(beside=run_says),)) == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Because.", "nothing shows that the labels are for the answers of this run"),
        ("", "nothing shows that the labels are for the answers of this run"),
        ("Why not.", "the answer in the sheet is not that of this run"),
    ],
    ids=["same answer", "no answer", "another answer"],
)
def test_a_row_without_a_key_is_noted(tmp_path: Path, said: str, told: str) -> None:
    (note,) = noted(tmp_path, f"s/c[haiku-r1],rubric,pass,,{said},")
    assert note.startswith("line 2: without a `key`")
    assert told in note


def test_a_note_names_the_first_of_many_lines(tmp_path: Path) -> None:
    rows = [f"s/c{n}[haiku-r1],rubric,pass,,," for n in range(7)]
    (note,) = noted(tmp_path, *rows, judged=tuple(judgement(f"c{n}") for n in range(7)))
    assert note.startswith("lines 2, 3, 4, 5, 6 and 2 more: ")


def test_drawn_rows_without_a_label_are_counted_by_candidate(tmp_path: Path) -> None:
    rows = ["s/c[haiku-r1],rubric,,r1,random 1 of 2,k1", "s/c[opus-r1],rubric,,r1,,k1"]
    judged = [judgement(), judgement(candidate="opus")]
    found = labels.unlabelled(labels.read(sheet(tmp_path, *rows)), judged, escape=cell)
    assert found == {("s", "rubric"): {"haiku": 1}}
