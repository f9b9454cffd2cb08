"""Whether every tool of a case has what answers its calls."""

from __future__ import annotations

from dataclasses import replace

from harness.check.notes import Notes
from harness.errors import SuiteError, did_you_mean
from harness.files import load_function
from harness.prompt import UnrenderableError
from harness.suite import Case, Tool
from harness.tool_rules import unanswered
from harness.workshop import Workshop


class ToolCheck:
    """The tools of one suite under check."""

    def __init__(self, notes: Notes, workshop: Workshop) -> None:
        self.notes, self.workshop, self.suite = notes, workshop, workshop.suite
        self._seen: dict[int, tuple[Tool, frozenset[str]]] = {}

    def case(self, case: Case) -> None:
        """Every tool's function is there, and every reply is a template."""
        for tool in self.suite.script_of(case).tools:
            if id(tool) not in self._seen:
                self._seen[id(tool)] = (tool, self._needed(tool, case))
            for name in sorted(self._seen[id(tool)][1] - case.vars.keys()):
                message = f"undefined: {name!r} is undefined{did_you_mean(name, case.vars)}"
                self.notes.note(
                    f"{message}; a reply sees the `vars`, `input` and `answers`", tool.reply, case
                )

    def _needed(self, tool: Tool, case: Case) -> frozenset[str]:
        """The variables that a tool's reply needs; what is wrong with the tool is noted."""
        if self.suite.max_tool_rounds and unanswered(tool):
            message = f"nothing answers the tool {tool.name!r}; write `reply` or `python`"
            self.notes.note(
                f"{message}, or `max_tool_rounds: 0` for the suite", tool.definition, case
            )
        if tool.function is not None:
            at = replace(tool.definition, value=None, keys=(*tool.definition.keys, "python"))
            try:
                load_function(tool.function, self.suite.folder)
            except SuiteError as error:
                self.notes.note("; ".join(p.message for p in error.problems), at, case)
        if tool.reply is None:
            return frozenset()
        for broken in self.workshop.renderer.check(tool.reply.value):
            self.notes.unrenderable(UnrenderableError(tool.reply, broken), case)
        return self.workshop.renderer.names(tool.reply.value) - {"input", "answers"}
