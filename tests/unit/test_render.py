"""Templates: what they may do, how long, and what is said where they fail."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RenderError
from harness.render import Renderer, is_plain, is_template

SCOPE: dict[str, Any] = {
    "queues": ["billing", "sales"],
    "n": 3,
    "ratio": 1.5,
    "nothing": None,
    "row": {"text": "hi", "id": "7"},
    "message": "hello",
}


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    return Renderer(tmp_path)


def failure(renderer: Renderer, template: str) -> RenderError:
    with pytest.raises(RenderError) as caught:
        renderer.text(template, SCOPE)
    return caught.value


@pytest.mark.parametrize(
    ("template", "value"),
    [
        pytest.param("{{ queues }}", ["billing", "sales"], id="list"),
        pytest.param(" {{ n }}\n", 3, id="number"),
        pytest.param("{{ nothing }}", None, id="null"),
        pytest.param("{{ n > 2 }}", True, id="comparison"),
        pytest.param("{{ row }}", {"text": "hi", "id": "7"}, id="mapping"),
        pytest.param("{{ '}} {{' }}", "}} {{", id="braces in a text"),
        pytest.param("{{ {'a': 1} }}", {"a": 1}, id="a mapping within"),
        pytest.param("{{ n }}{{ n }}", "33", id="two expressions"),
        pytest.param("n is {{ n }}", "n is 3", id="text around"),
        pytest.param("{# note #}a", "a", id="comment"),
        pytest.param("plain", "plain", id="no template"),
    ],
)
def test_a_bare_expression_keeps_its_type(renderer: Renderer, template: str, value: object) -> None:
    assert renderer.value(template, SCOPE) == value


def test_a_text_is_always_text(renderer: Renderer) -> None:
    assert renderer.text("{{ n }}", SCOPE) == "3"


def test_every_string_of_a_tree_is_rendered_and_nothing_else(renderer: Renderer) -> None:
    tree = {"{{ n }}": ["{{ n }}", 4, None, {"a": "{{ message }}!"}]}
    assert renderer.value(tree, SCOPE) == {"{{ n }}": [3, 4, None, {"a": "hello!"}]}


def test_an_error_in_a_tree_knows_its_keys(renderer: Renderer) -> None:
    with pytest.raises(RenderError) as caught:
        renderer.value({"a": ["x", {"b": "{{ gone }}"}]}, SCOPE)
    assert caught.value.keys == ("a", 1, "b")


@given(cell=st.text())
def test_a_value_is_never_rendered_itself(cell: str) -> None:
    renderer = Renderer(Path())
    assert renderer.text("<{{ cell }}>", {"cell": cell}) == f"<{cell}>"
    assert renderer.value("{{ cell }}", {"cell": cell}) == cell


@given(text=st.text().filter(lambda text: not is_template(text)))
def test_a_text_without_marks_stays_as_it_is(text: str) -> None:
    assert Renderer(Path()).text(text, {}) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("{{ mesage }}", "'mesage' is undefined; did you mean `message`?", id="near"),
        pytest.param("{{ zzz }}", "'zzz' is undefined; define it under `vars`", id="undefined"),
        pytest.param("{% if zzz %}{% endif %}", "'zzz' is undefined", id="in a condition"),
        pytest.param("{{ row.txt }}", "there is no `txt`; did you mean `text`?", id="near column"),
        pytest.param("{{ row.zzz }}", "there is no `zzz`; there are: text, id", id="no column"),
        pytest.param("{{ n.zzz }}", "has no attribute 'zzz'", id="no attribute"),
        pytest.param("{{ n ", "template syntax: unexpected end of template", id="open"),
        pytest.param("{% if %}", "text with braces goes in {% raw %}", id="syntax"),
        pytest.param("{{ n | upperr }}", "No filter named 'upperr'; Jinja's own", id="filter"),
        pytest.param("{{ 1 / 0 }}", "the template failed: ZeroDivisionError", id="broke"),
        pytest.param("{% include 'gone.j2' %}", "'gone.j2' is not in the suite's", id="file"),
    ],
)  # fmt: skip
def test_what_fails_says_what_and_what_to_do(
    renderer: Renderer, template: str, message: str
) -> None:
    assert message in failure(renderer, template).message


@pytest.mark.parametrize(
    ("template", "scope", "advice"),
    [
        pytest.param("{{ answers[0] }}", {}, "there are `answers` from the second turn on",
                     id="answers in the first turn"),
        pytest.param("{{ answers[1] }}", {"answers": ["a"]},
                     "`answers` has 1 before this turn, the last `answers[0]`", id="too few"),
        pytest.param("{{ answer }}", {"criteria": ["x"]},
                     "a judge's prompt has `answer` below its line `---` alone", id="above"),
        pytest.param("{{ zzz }}", {"criteria": ["x"]},
                     "a judge's prompt has `criteria` alone above", id="unknown above the line"),
        pytest.param("{{ zzz }}", {"answer": "a", "code": "1", "notes": ""},
                     "; a judge's prompt sees answer, code, notes", id="unknown below the line"),
    ],
)  # fmt: skip
def test_the_advice_is_of_the_place_in_which_a_name_is_unknown(
    template: str, scope: dict[str, Any], advice: str
) -> None:
    with pytest.raises(RenderError) as caught:
        Renderer(Path()).text(template, scope)
    assert advice in caught.value.message


def test_another_lists_end_says_nothing_of_answers(renderer: Renderer) -> None:
    assert "answers" not in failure(renderer, "{{ queues[7] }}").message


@pytest.mark.parametrize(
    "template",
    ["a\nb {{ zzz }}", "a\n{{ 1 / 0 }}", "a\n{{ n "],
    ids=["undefined", "broke", "syntax"],
)
def test_an_error_knows_its_line(renderer: Renderer, template: str) -> None:
    assert failure(renderer, template).line == 2


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ row.update({}) }}",
        "{{ queues.append(1) }}",
        "{{ message.format.__self__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ (message | attr('__class__')) }}",
    ],
)
def test_what_reaches_for_python_or_changes_a_value_is_refused(
    renderer: Renderer, template: str
) -> None:
    assert failure(renderer, template)
    assert SCOPE["queues"] == ["billing", "sales"]


@pytest.mark.parametrize("name", ["../secret.j2", "/etc/hostname", "link.j2"])
def test_a_file_outside_the_folder_is_not_included(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.j2").write_text("secret")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "link.j2").symlink_to(tmp_path / "secret.j2")
    error = failure(Renderer(tmp_path / "suites"), f"{{% include '{name}' %}}")
    assert "lies outside the suite's folder" in error.message


def test_a_file_of_the_folder_is_included(tmp_path: Path, renderer: Renderer) -> None:
    (tmp_path / "part.j2").write_text("n is {{ n }}")
    assert renderer.text("{% include 'part.j2' %}!", SCOPE) == "n is 3!"


@pytest.mark.parametrize("name", ["lipsum", "os", "environ", "env", "open", "self.environment"])
def test_neither_chance_nor_the_machine_is_in_reach(renderer: Renderer, name: str) -> None:
    assert failure(renderer, f"{{{{ {name} }}}}")
    assert os.environ


SLOW = {
    "loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "recursion": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "calls": "{% for a in range(9999) %}{{ range(9) }}{% endfor %}",
}


@pytest.mark.parametrize("template", SLOW.values(), ids=SLOW)
def test_a_template_that_does_not_end_is_stopped(tmp_path: Path, template: str) -> None:
    ticks = itertools.count()
    renderer = Renderer(tmp_path, limit_s=50, clock=lambda: float(next(ticks)))
    assert "ran for more than 50 s; simplify it" in failure(renderer, template).message


def test_a_template_that_did_not_end_is_not_tried_again(tmp_path: Path) -> None:
    ticks = itertools.count()
    renderer = Renderer(tmp_path, limit_s=50, clock=lambda: float(next(ticks)))
    first = failure(renderer, SLOW["loops"])
    before = next(ticks)
    assert failure(renderer, SLOW["loops"]).message == first.message
    assert next(ticks) == before + 1


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 99999999 }}",
        "{{ 99999999 * [1] }}",
        "{{ 9 ** 9999999 }}",
        "{{ (9 ** 9999) * (9 ** 99999) }}",
        "{{ 'a' | center(99999999) }}",
        "{{ 'a' | indent(99999999) }}",
        "{{ 'a'.ljust(99999999) }}",
        "{{ '%99999999d' % 1 }}",
        "{{ '%99999999d' | format(1) }}",
        "{{ '{:99999999}'.format(1) }}",
        "{{ ('a' * 9999) | replace('a', 'a' * 9999) }}",
        "{{ ('a' * 9999999) + ('a' * 9999999) }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}"
        "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% for i in range(20) %}{{ 'a' * 999999 }}{% endfor %}",
    ],
    ids=lambda template: template[:30],
)  # fmt: skip
def test_a_text_or_number_that_would_fill_the_memory_is_refused(
    renderer: Renderer, template: str
) -> None:
    assert "the template makes a" in failure(renderer, template).message


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 'a' * 3 }}", "aaa"),
        ("{{ n ** 2 * 2 }}", "18"),
        ("{{ 'a' ~ n ~ 'b' }}", "a3b"),
        ("{{ '%.2f' % ratio }} {{ '{:.1f}'.format(ratio) }}", "1.50 1.5"),
        ("{{ 'ab' | replace('b', 'c') | indent(2) }}", "ac"),
        ("{% for q in queues %}{{ loop.index }}{{ q }}{% endfor %}", "1billing2sales"),
        ("{{ queues | join(', ') }}", "billing, sales"),
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(n) }}", "<3>"),
    ],
)
def test_what_templates_are_for_works(renderer: Renderer, template: str, text: str) -> None:
    assert renderer.text(template, SCOPE) == text


def test_syntax_is_checked_without_variables(renderer: Renderer) -> None:
    errors = renderer.check({"a": "{{ zzz }}", "b": ["ok", "x\n{% if %}"]})
    assert [(error.keys, error.line) for error in errors] == [(("b", 1), 2)]


def test_the_variables_that_templates_need_are_known(renderer: Renderer) -> None:
    tree = ["{{ a.b }} {{ range(c) }}", {"x": "{% set d = 1 %}{{ d }}"}, "{{ open "]
    assert renderer.names(tree) == {"a", "c"}


@pytest.mark.parametrize(
    ("tree", "plain"),
    [
        pytest.param({"a": ["b", {"c": 1}]}, True, id="texts and numbers"),
        pytest.param({"a": ["b", {"c": "{{ d }}"}]}, False, id="a template inside"),
        pytest.param({"{{ a }}": "b"}, True, id="a key is no template"),
        pytest.param("{% if a %}{% endif %}", False, id="a text alone"),
    ],
)
def test_a_tree_is_plain_where_nothing_in_it_is_rendered(tree: object, plain: bool) -> None:
    assert is_plain(tree) is plain


def test_a_global_of_jinja_is_there_and_a_variable_goes_before_it(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path)
    assert renderer.text("{{ range(3) | list }}", {}) == "[0, 1, 2]"
    assert renderer.text("{{ range }}", {"range": "own"}) == "own"
