"""A case a row of a file: dates in prose become ISO dates, checked with ordinary Python."""

import re
from datetime import date

from harness import Case, evaluation

ROWS = Case(
    data="dates.csv",
    id="{{ row.id }}",
    vars={"sentence": "{{ row.sentence }}", "expected": "{{ row.date }}"},
    tags=["{{ row.kind }}"],
)
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


@evaluation(
    models=["haiku", "sonnet", "opus"],
    cases=[ROWS],
    system="Answer with one date as YYYY-MM-DD and nothing else. Today is Friday, 2026-03-13.",
    params={"max_tokens": 20},
    gates=[{"pass_rate": {"min": 0.7}}],
)
def finds_the_date(chat, case):
    """The date that a sentence means, also where it has to be worked out."""
    reply = yield chat.ask(case.vars["sentence"])
    # Whatever else is raised says that the eval broke, and nothing about the model.
    assert ISO.fullmatch(reply.text.strip()), "a date as YYYY-MM-DD and nothing else was wanted"
    assert date.fromisoformat(reply.text.strip()) == date.fromisoformat(case.vars["expected"])
