"""How a judge is asked and heard: its prompt, its request, and its verdict out of the answer.

The verdict comes as structured output, with the reasoning before it, and is never cut out of prose.
What is no verdict is a NoVerdictError, of which graders make a broken grade.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import GraderError, SuiteError
from harness.files import read_text_inside
from harness.graders.jsontext import parsed
from harness.graders.judge_material import enclosed
from harness.graders.registry import GraderContext, Judging
from harness.graders.show import as_json, one_line
from harness.records import Answer, Missing, Request

DEFAULT_JUDGE = "sonnet"
CANNOT_TELL = "cannot_tell"
PROMPTS = Path(__file__).parent / "prompts"
CRITERIA_MARK = "criterion-to-be-shown"
"""Stands for a criterion where a prompt is tried: filters change no more than its case."""
BORDER = re.compile(r"^---[ \t]*\r?$\n?", re.MULTILINE)
"""The line between what all requests of a judge share and what differs from answer to answer."""
OWN_PARAMS = {
    "tools": "a judge has no tools",
    "tool_choice": "a judge has no tools",
}

Schema = dict[str, Any]


class NoVerdictError(Exception):
    """A judge gave no verdict, for the reason in the message."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One verdict, and the reasoning that came before it."""

    verdict: str
    reasoning: str


@dataclass(frozen=True, slots=True)
class Template:
    """A judge's prompt: `shared` is sent first, cached; `digest` is of the whole file."""

    name: str
    shared: str
    own: str
    digest: str


@dataclass(frozen=True, slots=True)
class Judge:
    """A model, its parameters, and the prompt that it is asked by."""

    judging: Judging
    name: str
    params: Mapping[str, Any]
    template: Template

    @property
    def told(self) -> str:
        """The model's id, and the prompt with its hash, for the grade."""
        template = self.template
        return f"{self.judging.judge_id(self.name)}, {template.name} {template.digest}"

    def request(
        self,
        schema: Schema,
        shared: Mapping[str, Any],
        texts: Mapping[str, str],
        notes: str = "",
    ) -> Request:
        """The question to the judge: `texts` are enclosed; `notes` are words of ours on them."""
        template = self.template
        scope = {**shared, **enclosed(texts), "notes": notes}
        system = self._rendered(template.shared, shared)
        user = self._rendered(template.own, scope)
        return self.judging.judge_request(self.name, self.params, schema, system=system, user=user)

    def prove(
        self,
        schema: Schema,
        shared: Mapping[str, Any],
        needed: Sequence[str],
        criteria: Sequence[str] = (),
    ) -> None:
        """Raise GraderError where it could not be asked, or would not see the texts `needed`.

        `criteria` are texts in `shared` that must be shown too, above or below.
        """
        texts = {name: f"[{name}]" for name in ("question", *needed)}
        params = self.request(schema, shared, texts).params
        asked = params["messages"][0]["content"]
        material = enclosed(texts)
        for name in needed:
            if material[name] not in asked:
                raise GraderError(
                    f"the prompt {self.template.name!r} never shows `{{{{ {name} }}}}`; "
                    "write it below the line `---`"
                )
        whole = asked + "".join(block["text"] for block in params.get("system", ()))
        if not all(text in whole.lower() for text in criteria):
            raise GraderError(
                f"the prompt {self.template.name!r} does not show all `{{{{ criteria }}}}`; "
                "write them above or below the line `---`"
            )

    def hear(self, reply: Answer | Missing) -> Any:
        """The JSON that the judge answered; raises NoVerdictError."""
        if isinstance(reply, Missing):
            raise self.silent(f"gave no answer: {reply.reason}")
        if reply.refused:
            raise self.silent("refused to judge")
        if reply.truncated:
            raise self.silent(f"was cut off ({reply.stop_reason}); raise its `max_tokens`")
        if not reply.text.strip():
            raise self.silent(f"said nothing (stop reason {reply.stop_reason})")
        value, problem = parsed(reply.text)
        if problem is not None:
            raise self.silent(f"gave no verdict: {problem}")
        return value

    def opinion(self, value: Any, verdicts: Sequence[str], about: str = "") -> Opinion:
        """The verdict in `value`, one of `verdicts`; raises NoVerdictError for all else."""
        if not isinstance(value, dict) or set(value) != {"reasoning", "verdict"}:
            raise self.silent(f"gave no verdict{about}: {as_json(value)}")
        reasoning, verdict = value["reasoning"], value["verdict"]
        # The API does not promise the case of an enum's words.
        found = verdict.strip().lower() if isinstance(verdict, str) else ""
        if found == CANNOT_TELL:
            raise self.silent(f"cannot tell{about}: {one_line(str(reasoning))}")
        if found not in verdicts or not isinstance(reasoning, str):
            raise self.silent(f"gave no verdict{about}: {as_json(value)}")
        return Opinion(found, one_line(reasoning.strip()))

    def silent(self, why: str) -> NoVerdictError:
        """The error that says so of this judge."""
        return NoVerdictError(f"judge {self.name} {why}")

    def _rendered(self, text: str, scope: Mapping[str, Any]) -> str:
        try:
            return self.judging.judge_text(text, scope).strip()
        except GraderError as error:
            raise GraderError(f"prompt {self.template.name!r}, {error}") from error


def judge_named(
    name: str,
    params: Mapping[str, Any] | None,
    prompt: str | None,
    context: GraderContext,
    default: str,
) -> Judge:
    """The judge that options name, with the prompt `default` unless they name another.

    Raises GraderError for an unknown model, and for parameters that are the grader's own.
    """
    if context.judging is None:
        raise GraderError("no model can be asked here")
    given = dict(params or {})
    for key in given.keys() & OWN_PARAMS.keys():
        raise GraderError(f"`params` cannot set `{key}`: {OWN_PARAMS[key]}; remove it")
    config = given.get("output_config")
    if isinstance(config, Mapping) and "format" in config:
        raise GraderError("`params` cannot set `output_config.format`: the verdict has its own")
    context.judging.judge_id(name)
    return Judge(context.judging, name, given, template(prompt, context.folder, default))


def template(prompt: str | None, folder: Path, default: str) -> Template:
    """The user's own prompt in `folder`, or ours; raises GraderError where it cannot be read."""
    if prompt is None:
        name, text = default, (PROMPTS / default).read_text(encoding="utf-8")
    else:
        try:
            name, text = prompt, read_text_inside(folder, prompt)[1]
        except SuiteError as error:
            raise GraderError("; ".join(p.message for p in error.problems)) from error
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    border = BORDER.search(text)
    if border is None:
        raise GraderError(
            f"the prompt {name!r} has no line `---`; write one, with what is the same for all "
            "answers above it and the answer below"
        )
    # The lines above are kept as empty ones, so that an error in it has its line of the file.
    above = "\n" * text[: border.end()].count("\n")
    return Template(name, text[: border.start()], above + text[border.end() :], digest)


def opinion_schema(verdicts: Sequence[str]) -> Schema:
    """The JSON Schema of one opinion: reasoning first, then a verdict, which may be none."""
    properties = {
        "reasoning": {"type": "string"},
        "verdict": {"type": "string", "enum": [*verdicts, CANNOT_TELL]},
    }
    return object_schema(properties)


def object_schema(properties: Mapping[str, Any]) -> Schema:
    """The JSON Schema of an object with all of these properties and no other, in their order."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
