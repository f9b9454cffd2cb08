"""From the cases of a file to `Case`s: data sets become a case a row, and `vars` are rendered.

A row's cell is data: it is put in place of `{{ row.x }}` and never rendered itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import Place, Problem, RenderError, SuiteError
from harness.render import Renderer, is_template
from harness.suite import Case, Script

if TYPE_CHECKING:
    from harness.suite_file import CaseFile, SuiteFile
    from harness.yamlfile import KeyPath, PlaceOf

MAX_TWINS = 20
MAX_ROW_PROBLEMS = 20

Override = Callable[[int, "CaseFile"], Script | None]


class Expander:
    """The cases of one file; collects the problems and warnings it meets on the way."""

    def __init__(self, path: Path, place_of: PlaceOf, file: SuiteFile) -> None:
        self.path, self.place_of, self.file = path, place_of, file
        self.renderer = Renderer(path.parent)
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.twins = 0

    def cases(self, override: Override) -> tuple[Case, ...]:
        """Every case in the order of the file; ids are unique or else a problem."""
        shared = self.render_vars(self.file.vars, {}, ("vars",))
        self.warn_of_numbers(self.file.vars, ("vars",))
        cases: list[Case] = []
        places: dict[str, Place] = {}
        for index, item in enumerate(self.file.cases):
            script = override(index, item)
            self.warn_of_numbers(item.vars, ("cases", index, "vars"))
            for case, place in self.of_item(index, item, shared, script):
                if case.id in places:
                    self.taken(case.id, place, places[case.id])
                places.setdefault(case.id, place)
                cases.append(case)
        return tuple(cases)

    def taken(self, case_id: str, place: Place, first: Place) -> None:
        """Note an id that another case has; of many, the first few tell enough."""
        self.twins += 1
        if self.twins <= MAX_TWINS:
            message = f"the id {case_id!r} is taken by the case at {first}; write another `id`"
            more = "; there are more like this" if self.twins == MAX_TWINS else ""
            self.problems.append(Problem(message + more, place))

    def of_item(
        self, index: int, item: CaseFile, shared: Mapping[str, Any], script: Script | None
    ) -> Iterator[tuple[Case, Place]]:
        """One case, or one for each row of its data set."""
        place = self.place_of(("cases", index))
        before = len(self.problems)
        if item.data is None:
            name = item.id if item.id and not is_template(item.id) else f"case-{index + 1}"
            case = self.case(index, item, shared, script, line=place.line)
            if case:
                yield case, place
            else:
                self.name(before, f"case {name!r}")
            return
        for row_scope, row_place in self.rows(index, item):
            so_far = len(self.problems)
            case = self.case(index, item, {**shared, **row_scope}, script, line=place.line)
            if case:
                yield case, row_place
            else:
                self.name(so_far, f"row at {row_place}")
            if len(self.problems) > before + MAX_ROW_PROBLEMS:
                return

    def name(self, before: int, whose: str) -> None:
        """Say at each problem that came up since there were `before` whose it is."""
        for number, problem in enumerate(self.problems[before:], before):
            self.problems[number] = Problem(f"{problem.message} ({whose})", problem.place)

    def rows(self, index: int, item: CaseFile) -> Iterator[tuple[dict[str, Any], Place]]:
        """What templates see of each row of the case's data set, and where the row stands."""
        from harness.data import rows

        source = item.data if isinstance(item.data, str) else item.data.model_dump()  # type: ignore[union-attr]
        at = self.place_of(("cases", index, "data"))
        try:
            for row in rows(source, self.path.parent, at=at):
                yield {"row": row.values}, row.place
        except SuiteError as error:
            self.problems += [Problem(p.message, p.place or at) for p in error.problems]

    def case(
        self, index: int, item: CaseFile, scope: Mapping[str, Any], script: Script | None, *,
        line: int,
    ) -> Case | None:  # fmt: skip
        """The case with its own `vars`, id, tags and cluster rendered; `None` where that fails."""
        at: KeyPath = ("cases", index)
        before = len(self.problems)
        merged = self.render_vars(item.vars, scope, (*at, "vars"))
        case_id = self.text(item.id, merged, (*at, "id")) or _default_id(index, item, merged)
        tags = [self.text(tag, merged, (*at, "tags", n)) for n, tag in enumerate(item.tags)]
        cluster = self.text(item.cluster, merged, (*at, "cluster"))
        if len(self.problems) > before:
            return None
        return Case(
            id=case_id,
            line=line,
            vars=merged,
            tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
            cluster=cluster,
            script=script,
        )

    def render_vars(
        self, written: Mapping[str, Any], scope: Mapping[str, Any], at: KeyPath
    ) -> dict[str, Any]:
        """`scope` with `written` on top; each variable may use those above it."""
        merged = dict(scope)
        for name, value in written.items():
            try:
                merged[name] = self.renderer.value(value, merged)
            except RenderError as error:
                self.fail(error, (*at, name, *error.keys))
        return merged

    def text(self, written: str | None, scope: Mapping[str, Any], at: KeyPath) -> str | None:
        """A rendered text without outer white space; `None` where it is empty."""
        if written is None:
            return None
        try:
            return self.renderer.text(written, scope).strip() or None
        except RenderError as error:
            self.fail(error, at)
            return None

    def fail(self, error: RenderError, keys: KeyPath) -> None:
        """Note a template that could not be rendered, at its line of the file."""
        self.problems.append(Problem(error.message, self.place_of.within(keys, error.line)))

    def warn_of_numbers(self, value: Any, keys: KeyPath) -> None:
        """Numbers that lose a character as text, such as `1.10`, are named: text may be meant."""
        if isinstance(value, float):
            written = self.place_of.written(keys)
            if written is not None and written not in (repr(value), str(value)):
                place = self.place_of(keys)
                message = f"`{written}` is the number {value!r} to YAML; quote it to mean the text"
                self.warnings.append(f"{place}: {message}")
        elif isinstance(value, dict):
            for key, item in value.items():
                self.warn_of_numbers(item, (*keys, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self.warn_of_numbers(item, (*keys, index))


def _default_id(index: int, item: CaseFile, scope: Mapping[str, Any]) -> str:
    row = scope.get("row")
    if item.data is None or not isinstance(row, Mapping):
        return f"case-{index + 1}"
    return str(row.get("id") or f"row-{row.get('index')}")
