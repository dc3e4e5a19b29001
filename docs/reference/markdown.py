"""Plain text and tables as Markdown."""

import re
from collections.abc import Iterable

GENERATED = "<!-- Written by `python -m docs.reference`: change the code, then run it. -->"
OPTION_NAME = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def markdown(text: str) -> str:
    """Return plain text as Markdown: names of options become code, what Markdown would take for markup is escaped."""
    parts = re.split(r"(`[^`]*`)", text)  # code stays as it is
    for index in range(0, len(parts), 2):
        escaped = re.sub(r"([*_])", r"\\\1", parts[index]).replace("<", "&lt;")
        parts[index] = OPTION_NAME.sub(lambda found: f"`{found[0]}`", escaped)
    return "".join(parts)


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return " ".join(markdown(text).split()).replace("|", r"\|")


def table(titles: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns, which are Markdown already; empty without rows."""
    lines = [f"| {first} | {second} |" for first, second in rows]
    return "\n".join([f"| {titles[0]} | {titles[1]} |", "|---|---|", *lines]) if lines else ""
