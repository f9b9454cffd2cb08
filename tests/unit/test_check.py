"""What is found before anything is sent: every case can be asked and graded."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite_making import HEAD, checked, loaded, problems, registry

from harness.check import check, require
from harness.errors import SuiteError

CASE = "cases:\n  - id: a\n"
PROMPT = 'prompt: "Say {{ word }}."'


def graded(folder: Path, grader: str) -> list[str]:
    """The problems of a suite with one grader, which stands on line 6."""
    return problems(folder, HEAD.replace("- contains: please", f"- {grader}") + CASE)


def test_a_sound_suite_has_neither_problems_nor_warnings(tmp_path: Path) -> None:
    findings = checked(tmp_path, HEAD + CASE)
    assert (findings.problems, findings.warnings) == ([], [])


@pytest.mark.parametrize(
    ("grader", "problem"),
    [
        pytest.param("contans: a", "6:5: there is no grader `contans`; did you mean `contains`",
                     id="unknown"),
        pytest.param("contains: {text: a, igncase: true}",
                     "6:5: `contains` has no option `igncase`; did you mean `ignore_case`?",
                     id="option"),
        pytest.param("not: {contans: a}", "6:5: there is no grader `contans`", id="in not"),
        pytest.param("not:\n      regex: '('", "6:5: `regex`: pattern '(' is not a regular",
                     id="pattern in not"),
        pytest.param("all:\n      - json\n      - foo: b", "8:9: there is no grader `foo`",
                     id="in all"),
        pytest.param("any:\n      - all:\n          - regex: '['", "8:13: `regex`: pattern '['",
                     id="in all in any"),
        pytest.param("not: {grader: {jsn: a}}", "6:11: there is no grader `jsn`", id="by option"),
        pytest.param("contains: '{{ gone }}'", "6:5: undefined: 'gone' is undefined; define",
                     id="undefined"),
        pytest.param("contains: |\n      a\n      {{ gone }}", "8:7: undefined: 'gone'",
                     id="a line of a block"),
        pytest.param("equals: 1.10", '6:5: `equals`: `text` must be a text or a mapping or a list, '
                     'but 1.10 is a number; quote it: "1.10"', id="number for text"),
        pytest.param("one_of: [a, 1.50]", 'but 1.50 is a number; quote it: "1.50"',
                     id="number in a list"),
        pytest.param("not: {equals: 2.0}", 'but 2.0 is a number; quote it: "2.0"',
                     id="number in not"),
        pytest.param("contains: true", "YAML reads this as the boolean true", id="boolean"),
        pytest.param("json_schema: {file: gone.json}", "6:5: `json_schema`: file 'gone.json' is",
                     id="schema file"),
        pytest.param("python: gone.py:f", "6:5: `python`: file 'gone.py' is not in", id="code"),
    ],
)  # fmt: skip
def test_a_grader_that_cannot_be_built_is_found_where_it_stands(
    tmp_path: Path, grader: str, problem: str
) -> None:
    (found,) = graded(tmp_path, grader)
    assert problem in found
    assert found.endswith("(case 'a')")


def test_every_wrong_grader_of_a_combination_is_found(tmp_path: Path) -> None:
    found = graded(tmp_path, "all: [{foo: a}, {regex: '('}, json]")
    assert [each.split(": ")[0] for each in found] == ["s.yaml:6:11", "s.yaml:6:21"]


def test_a_number_that_a_template_makes_is_no_error(tmp_path: Path) -> None:
    assert graded(tmp_path, "equals: '{{ 1 + 1 }}'") == []


def test_graders_of_turns_are_checked_too(tmp_path: Path) -> None:
    text = HEAD.replace(PROMPT, "turns: [{user: a, graders: [{foo: b}]}]") + CASE
    assert problems(tmp_path, text)[0].startswith("s.yaml:3:29: there is no grader `foo`")


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        pytest.param("prompt: '{{ gone }}'", "3:1: undefined: 'gone'", id="in a line"),
        pytest.param("prompt: |\n  {{ gone }}\n", "4:3: undefined: 'gone'", id="first of a block"),
        pytest.param("prompt: |\n  a\n    {{ gone }}\n", "5:5: undefined", id="last of a block"),
        pytest.param("prompt: >\n  {{ gone }}\n", "4:3: undefined: 'gone'", id="folded"),
        pytest.param("prompt: [{type: text, text: '{{ gone }}'}]", "3:23: undefined", id="blocks"),
        pytest.param("prompts: {a: b, c: '{{ gone }}'}", "3:17: undefined", id="variant"),
        pytest.param("turns: [{user: a}, {user: '{{ gone }}'}]", "3:21: undefined", id="turn"),
        pytest.param("prompt: {file: p.md}", "p.md:2:1: undefined: 'gone'", id="file"),
        pytest.param("prompt: '{{ word }'", "3:1: template syntax: unexpected '}'", id="syntax"),
        pytest.param("prompt: \"{{ '' }}\"", "3:1: the prompt is empty once it is", id="empty"),
        pytest.param("prompt: '  '", "3:1: the prompt is empty once it is", id="white space"),
        pytest.param("prompt: [{text: ' '}]", "3:1: the prompt is empty once it is", id="block"),
        pytest.param("turns: [{user: a}, {user: \"{{ '' }}\"}]", "3:21: the prompt is empty",
                     id="empty turn"),
    ],
)  # fmt: skip
def test_a_prompt_that_cannot_be_asked_is_found_at_its_line(
    tmp_path: Path, prompt: str, problem: str
) -> None:
    found = problems(tmp_path, HEAD.replace(PROMPT, prompt) + CASE, p_md="a\n{{ gone }}\n")
    assert [each.removeprefix("s.yaml:").startswith(problem) for each in found] == [True]


def test_every_part_that_cannot_be_rendered_is_found_at_once(tmp_path: Path) -> None:
    more = "system: '{{ a }}'\nparams: {max_tokens: '{{ b }}'}\n"
    tools = "tools: [{name: t, description: '{{ c }}', reply: ok, input_schema: {}}]\n"
    history = "messages: [{role: user, content: '{{ d }}'}]\n"
    text = HEAD.replace("{{ word }}", "{{ e }}") + more + tools + history + CASE
    found = problems(tmp_path, text)
    assert [each.split("'")[1] for each in found] == ["e", "a", "b", "c", "d"]


def test_a_problem_that_many_cases_share_is_told_once(tmp_path: Path) -> None:
    text = HEAD.replace("{{ word }}", "{{ gone }}").replace("[haiku]", "[haiku, opus]")
    (found,) = problems(tmp_path, text + "cases: [{id: a}, {id: b}, {id: c}]\n")
    assert found.endswith("(case 'a' and 2 more)")


def test_a_problem_of_some_rows_names_the_first(tmp_path: Path) -> None:
    text = HEAD.replace("{{ word }}", "{{ 6 // row.n }}")
    rows = '{"n": 2}\n{"n": 0}\n{"n": 0}\n'
    (found,) = problems(tmp_path, text + "cases: [{data: d.jsonl}]\n", d_jsonl=rows)
    assert found.endswith("(case 'row-2' and 1 more)")


@pytest.mark.parametrize(
    ("models", "params", "problem"),
    [
        pytest.param("[haiku]", "{max_tokens: 9000000}",
                     "7:10: haiku: claude-haiku-4-5-20251001 writes at most", id="suite"),
        pytest.param("[{model: haiku, params: {max_tokens: 0}}]", "{max_tokens: 5}",
                     "2:34: haiku: `max_tokens` must be a whole number", id="candidate over suite"),
        pytest.param("[{model: claude-opus-4-7, name: x}]", "{temperature: 0.5}",
                     "7:10: x: claude-opus-4-7 does not accept `temperature`; remove it",
                     id="refused"),
        pytest.param("[haiku]", "{max_token: 5}", "7:10: haiku: `max_token` is no parameter",
                     id="unknown"),
        pytest.param("[{model: haiku, params: {model: opus}}]", "{}",
                     "2:34: `model` does not belong in params", id="misplaced"),
        pytest.param("[haiku]", "{thinking: {type: enabled, budget_tokens: 5}}",
                     "7:36: haiku: `budget_tokens` must be", id="deep"),
    ],
)  # fmt: skip
def test_a_parameter_that_a_model_refuses_is_found_where_it_is_written(
    tmp_path: Path, models: str, params: str, problem: str
) -> None:
    text = HEAD.replace("[haiku]", models) + f"params: {params}\n" + CASE
    assert problems(tmp_path, text)[0].startswith(f"s.yaml:{problem}")


def test_a_cases_own_parameter_is_found_in_the_case(tmp_path: Path) -> None:
    found = problems(tmp_path, HEAD + CASE + "    params: {max_tokens: 0}\n")
    assert found[0].startswith("s.yaml:9:14: haiku: `max_tokens` must be")


@pytest.mark.parametrize(
    ("tool", "problem"),
    [
        pytest.param(
            "reply: '{{ gone }}'",
            "7:49: undefined: 'gone' is undefined; a reply sees",
            id="undefined",
        ),
        pytest.param("reply: '{{ wrd }}'", "did you mean `word`?", id="near"),
        pytest.param("reply: '{{ input.x '", "7:49: template syntax", id="syntax"),
        pytest.param("python: gone.py:f", "7:49: file 'gone.py' is not in", id="no file"),
        pytest.param("python: t.py:gone", "7:49: 't.py' has no function 'gone'", id="no function"),
    ],
)
def test_a_tool_that_could_not_answer_is_found(tmp_path: Path, tool: str, problem: str) -> None:
    tools = f"tools: [{{name: t, input_schema: {{type: object}}, {tool}}}]\n"
    (found,) = problems(tmp_path, HEAD + tools + CASE, t_py="def f():\n    pass\n")
    assert problem in found


@pytest.mark.parametrize(
    ("tool", "problem"),
    [
        pytest.param("{name: t, reply: x}", "8:5: the tool 't' has no `input_schema`; write",
                     id="no schema"),
        pytest.param("{name: t, type: custom, reply: x}", "8:5: the tool 't' has no `input_schema`",
                     id="custom without schema"),
        pytest.param("{name: t, reply: x, input_schema: {type: strin}}",
                     "8:25: `input_schema`: not a JSON Schema: $.type: 'strin' is not valid",
                     id="no such type"),
        pytest.param("{name: t, reply: x, input_schema: {type: string}}",
                     "8:25: `input_schema`: a tool's input is an object", id="no object"),
        pytest.param("{name: t, reply: x, input_schema: {}}",
                     "8:25: `input_schema`: a tool's input is an object", id="no type"),
        pytest.param("{name: t, reply: x, input_schema: object}",
                     "8:25: `input_schema`: a JSON Schema is a mapping", id="no mapping"),
        pytest.param("{name: t, input_schema: {type: object}}",
                     "8:5: nothing answers the tool 't'; write `reply` or `python`, or",
                     id="no answer"),
    ],
)  # fmt: skip
def test_an_own_tool_needs_a_schema_and_an_answer(tmp_path: Path, tool: str, problem: str) -> None:
    (found,) = problems(tmp_path, HEAD + f"tools:\n  - {tool}\n" + CASE)
    assert found.startswith(f"s.yaml:{problem}")


@pytest.mark.parametrize(
    "tools",
    [
        "tools: [{type: web_search_20250305, name: web_search}]\n",
        "max_tool_rounds: 0\ntools: [{name: t, input_schema: {type: object}}]\n",
    ],
    ids=["a server's", "no rounds"],
)
def test_a_tool_that_the_suite_never_answers_needs_no_reply(tmp_path: Path, tools: str) -> None:
    assert problems(tmp_path, HEAD + tools + CASE) == []


@pytest.mark.parametrize("key", ["stream", "timeout"])
def test_what_does_not_belong_in_params_is_told_once(tmp_path: Path, key: str) -> None:
    text = HEAD.replace("[haiku]", "[haiku, opus]") + f"params: {{{key}: 1}}\n" + CASE
    (found,) = problems(tmp_path, text)
    assert found.startswith(f"s.yaml:7:10: `{key}` does not belong in params")


LONG = "cases: [{id: a, vars: {word: \"{{ 'x ' * 600000 }}\"}}]\n"


def test_a_prompt_far_longer_than_a_models_context_is_an_error(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, HEAD + LONG)
    assert found.startswith("s.yaml:3:1: the prompt of 1,200,005 characters is about 400,001 tok")
    assert "claude-haiku-4-5-20251001 reads at most 200,000; shorten it (case 'a')" in found


def test_an_unknown_models_context_bounds_no_prompt(tmp_path: Path) -> None:
    assert problems(tmp_path, HEAD.replace("[haiku]", "[claude-next]") + LONG) == []


def test_an_image_is_no_text_to_read(tmp_path: Path) -> None:
    data = "{{ '/9j/4AAQ' ~ 'x' * 1200000 }}"
    source = f'{{type: base64, media_type: image/jpeg, data: "{data}"}}'
    image = f"[{{type: image, source: {source}}}, {{text: a}}]"
    assert problems(tmp_path, HEAD.replace('"Say {{ word }}."', image) + CASE) == []


def test_what_a_model_refuses_in_a_tool_is_found_at_the_tool(tmp_path: Path) -> None:
    tool = "{name: t, input_schema: {type: object}, reply: x}"
    found = problems(tmp_path, HEAD + f"tools:\n  - {tool}\n  - {tool}\n" + CASE)
    assert found[0].startswith("s.yaml:9:6: haiku: two tools are called `t`; rename one")


def test_require_gives_the_warnings_of_a_sound_suite(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + "cases: [{id: a}, {id: b}]\n")
    assert len(require([suite], registry(tmp_path)).warnings) == 1


def test_a_reply_may_use_vars_input_and_answers(tmp_path: Path) -> None:
    reply = "reply: '{{ word }} {{ input.n }} {{ answers | length }}'"
    tools = f"tools: [{{name: t, input_schema: {{type: object}}, {reply}}}]\n"
    assert problems(tmp_path, HEAD + tools + CASE) == []


def test_cases_that_ask_the_same_are_a_warning(tmp_path: Path) -> None:
    findings = checked(tmp_path, HEAD + "cases: [{id: a}, {id: b, prompt: c}, {id: d}]\n")
    (warning,) = findings.warnings
    assert "cases a, d send identical requests: they are asked once" in warning


def test_a_suites_warnings_are_handed_on(tmp_path: Path) -> None:
    findings = checked(tmp_path, HEAD.replace("yes please", "1.10") + CASE)
    assert "`1.10` is the number 1.1 to YAML" in findings.warnings[0]


def test_a_check_of_very_many_problems_comes_to_an_end(tmp_path: Path) -> None:
    text = HEAD.replace("{{ word }}", "{{ row.n | fromjson }}").replace("contains: please", "json")
    cases = "".join(f"  - {{id: c{n}, prompt: '{{{{ gone_{n} }}}}'}}\n" for n in range(1000))
    assert 200 <= len(problems(tmp_path, text + "cases:\n" + cases)) <= 210


def test_require_refuses_with_every_problem(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD.replace("contains", "contans") + "system: '{{ a }}'\n" + CASE)
    with pytest.raises(SuiteError) as caught:
        require([suite], registry(tmp_path))
    assert len(caught.value.problems) == 2


def test_nothing_of_a_check_depends_on_the_order_of_suites(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
    text = HEAD.replace("contains", "contans") + CASE
    suites = [loaded(tmp_path / name, text) for name in ("x", "y")]
    found = {str(p) for p in check(suites, registry(tmp_path)).problems}
    assert found == {str(p) for p in check(suites[::-1], registry(tmp_path)).problems}


SCHEMA = "output_schema: {type: object, additionalProperties: false, properties: {n: {%s}}}\n"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        pytest.param(SCHEMA % "type: number, minimum: 1", "7:91: haiku: structured output does",
                     id="output schema"),
        pytest.param("params: {output_config: {effort: low}}\n" + SCHEMA % "minLength: 1",
                     "8:77: x: structured output does not", id="beside an effort"),
        pytest.param("tools: [{name: t, reply: x, strict: true, input_schema: {type: object}}]\n",
                     "7:43: haiku: structured output needs", id="strict tool"),
        pytest.param("system: [{text: a}, {image: 'https://a.b/c'}]\n",
                     "7:21: haiku: a system prompt holds texts only", id="system"),
        pytest.param("messages: [{role: assistant, content: a}]\n",
                     "7:12: haiku: a conversation begins with the user", id="history"),
    ],
)  # fmt: skip
def test_what_the_api_refuses_is_found_where_it_is_written(
    tmp_path: Path, more: str, problem: str
) -> None:
    head = HEAD.replace("[haiku]", "[{model: opus, name: x}]") if "effort" in more else HEAD
    (found,) = problems(tmp_path, head + more + CASE)
    assert found.startswith(f"s.yaml:{problem}")


def test_a_conversation_is_looked_at_in_every_case(tmp_path: Path) -> None:
    history = "    messages: [{role: user, content: a}, {role: assistant, content: b}]\n"
    prompt = "    prompt: [{document: {text: a, citations: true}}, {document: {text: b}}]\n"
    (found,) = problems(tmp_path, HEAD + CASE + "  - id: b\n" + prompt + history)
    assert found.startswith("s.yaml:10:54: haiku: citations are for all documents of a request")


LONG_TEXT = "{{ 'word ' * 8000 }}"


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        pytest.param("cache: 5m\nsystem: short\n", True, id="short"),
        pytest.param("system: [{text: short, cache: true}]\n", True, id="short block"),
        pytest.param(f'cache: 5m\nsystem: "{LONG_TEXT}"\n', False, id="long"),
        pytest.param("cache: 5m\n", True, id="the whole prompt"),
        pytest.param("system: short\n", False, id="not cached"),
        pytest.param("messages: [{role: user, content: [{image: 'https://a.b/c', cache: true}]}]\n",
                     False, id="a picture"),
    ],
)  # fmt: skip
def test_a_prompt_that_is_surely_too_short_to_be_cached_is_a_warning(
    tmp_path: Path, more: str, warned: bool
) -> None:
    findings = checked(tmp_path, HEAD + more + CASE)
    assert [("haiku caches nothing here" in each) for each in findings.warnings] == [True] * warned
