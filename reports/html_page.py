"""The frame of `report.html`: its order, its style and script, and the policy that binds it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

from harness.analysis.comparison import Comparison
from reports.html_findings import findings
from reports.html_lead import first_screen, title
from reports.html_tables import said

SCRIPTS = ("data.js", "differences.js", "cases.js", "table.js", "charts.js")
STYLES = ("report.css", "charts.css")


class Page:
    """The page before the trials' data, and after it, when they have been counted."""

    def __init__(self, comparison: Comparison) -> None:
        self.style, self.script = ("\n".join(map(_packaged, names)) for names in (STYLES, SCRIPTS))
        before, self._after = _packaged("report.html").split("$data")
        self.before = Template(before).substitute(
            policy=escape(policy(self.style, self.script)),
            title=said(title(comparison)),
            style=self.style,
            first="\n".join(first_screen(comparison)),
            findings="".join(findings(comparison)),
        )

    def after(self, sections: str) -> str:
        """The rest of the page; `sections` are what is known only after the last trial."""
        return Template(self._after).substitute(sections=sections, script=self.script)


def _packaged(name: str) -> str:
    text = (files("reports") / "templates" / name).read_text(encoding="utf-8")
    # A browser hashes what it parsed, and its parser knows no carriage return.
    return text.replace("\r\n", "\n")


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy: these two blocks, pictures in the file itself, nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _digest(block: str) -> str:
    return f"sha256-{b64encode(sha256(block.encode()).digest()).decode()}"
