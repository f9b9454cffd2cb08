"""Text that models and suites wrote, made safe to show; only this decides what is visible.

A control character can rewrite a terminal, a bidirectional override can reorder a line, and `=`
can start a formula in a spreadsheet: each is shown instead of obeyed.
"""

from __future__ import annotations

import re

# C0 but tab and newline, DEL and C1, line separators, bidi overrides and isolates, half characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_MARKDOWN = re.compile(r"[\\`*\[\]<>&|~]|(?<!\w)_|_(?!\w)|\$(?!\d)")
_REFERENCE = re.compile(r"@(?=\w)|(?<!&)#(?=\d)|GH-(?=\d)", re.IGNORECASE)
_LINK = re.compile(r"(?=://)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_BREAK = "&#8203;"


def visible(text: str) -> str:
    """`text` with what a reader could not see written as an escape: ESC is `\\x1b`.

    Tabs and newlines stay, and a Windows line end becomes a newline.
    """
    # What Python calls printable holds nothing hidden, and is found much faster than the marks.
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    return _HIDDEN.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode()


def one_line(text: str, limit: int = 200) -> str:
    """`text` visible, on one line, with at most `limit` characters of it."""
    line = " ".join(visible(text[: 4 * limit]).split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"


def shortened(text: str, limit: int) -> str:
    """`text` visible, on one line, cut after a whole word where it is above `limit` characters."""
    line = one_line(text, 4 * limit)
    if len(line) <= limit:
        return line
    words = line[:limit].rpartition(" ")[0]
    return f"{words} …" if words else f"{line[: limit - 1]}…"


def ending(text: str, limit: int) -> str:
    """The last `limit` characters of `text`, visible; a cut is marked by `…`."""
    shown = visible(text[-limit:].strip())
    return shown if len(text) <= limit else f"…{shown}"


def markdown(text: str, limit: int = 200) -> str:
    """`text` on one line, as itself in Markdown and in HTML: no markup, link, mention or reference.

    Marks become character references, which mean the same in a table cell, in a paragraph and
    inside an HTML tag; an invisible break keeps `@name`, `#12` and addresses from becoming links.
    """
    line = _MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", one_line(text, limit))
    line = _REFERENCE.sub(lambda match: match[0] + _BREAK, line)
    return _LINK.sub(_BREAK, line)


def fenced(text: str) -> str:
    """`text`, already visible, as a Markdown code block that nothing in it can close."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def cell(text: str) -> str:
    """`text` for a spreadsheet: visible, and never a formula."""
    shown = visible(text)
    return f"'{shown}" if shown[:1] in _FORMULA else shown
