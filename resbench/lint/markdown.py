"""Markdown in linear time: its lines outside code and comments, its headings, links and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from resbench.lint import htmltables
from resbench.lint.htmltables import WIDEST, Cell

# Bounds within the expressions keep them linear on any text.
_TARGET = re.compile(r"\]\(\s{0,9}<?([^)\s>]{1,2000})")
_HEADING = re.compile(r"\s{0,3}(#{1,6})[ \t]")
_ANCHOR = re.compile(r"(?:id|name)=[\"']([^\"']{1,200})")
_BELOW = re.compile(r"[ *_]{0,5}(<[a-z]{1,10}>)?(Table|Tab\.|Tbl\.)\s{0,3}\d", re.IGNORECASE)
_CAPTION_LINES = 3
_CAPTION_LENGTH = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table: its headings, its rows, and the words that it stands under."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""  # the first heading of the page above it
    section: str = ""  # the headings above it, the outermost first
    caption: str = ""  # its last heading, the lines of text directly above it, a caption below it


@dataclass(slots=True)
class _Above:
    """What was read before a line: the headings in force and the last lines of text."""

    headings: list[tuple[int, str]]
    lines: list[str]
    title: str = ""

    def read(self, line: str, underlined: int = 0) -> None:
        level = underlined or heading_level(line)
        if level:
            text = line.strip("# \t")[:_CAPTION_LENGTH]
            self.headings = [*(known for known in self.headings if known[0] < level), (level, text)]
            self.title = self.title or text
            self.lines = []
        elif line.strip():
            self.lines = [*self.lines, line.strip()[:_CAPTION_LENGTH]][-_CAPTION_LINES:]

    def grid(self, headings: list[str], rows: list[tuple[Cell, ...]], below: str) -> Grid:
        last = self.headings[-1][1] if self.headings else ""
        return Grid(
            headings=tuple(headings),
            rows=tuple(row for row in rows if row),
            title=self.title,
            section=" / ".join(text for _, text in self.headings),
            caption=" ".join([last, *self.lines, below]).strip(),
        )


def heading_level(line: str) -> int:
    """Return 1 for "# Title", 2 for "## Section"; 0 for a line that is no heading."""
    heading = _HEADING.match(line)
    return len(heading[1]) if heading else 0


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the content of each HTML comment."""
    line, position = 1, 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        line += text.count("\n", position, start)
        yield line, text[start + 4 : end]
        line += text.count("\n", start, end)
        position = end


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of Markdown outside fenced code and HTML comments."""
    fence = ""
    for number, line in enumerate(_without_comments(text).split("\n"), 1):
        ticks = re.match(r"\s{0,3}(`{3,}|~{3,})", line)
        if ticks and (not fence or ticks[1].startswith(fence)):
            fence = "" if fence else ticks[1]
        elif not fence:
            yield number, line.rstrip("\r")


def _without_comments(text: str) -> str:
    """Blank the comments out and keep the line breaks within them."""
    parts: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts += [text[position:start], "\n" * text.count("\n", start, end)]
        position = end + 3
    return "".join([*parts, text[position:]])


def grids(text: str) -> Iterator[Grid]:
    """Yield the tables of `text`, those of Markdown and those of HTML."""
    above = _Above([], [])
    lines = list(prose(text))
    rules = [_is_rule(line) for _, line in lines]
    at = 0
    while at < len(lines):
        line = lines[at][1]
        if rules[at] and at and "|" in (heading := lines[at - 1][1]):
            end = at + 1
            while end < len(lines) and "|" in lines[end][1]:
                end += 1
            above.lines = above.lines[:-1]  # its own headings
            rows = [tuple(Cell(row, cell) for cell in split_row(words)) for row, words in lines[at + 1 : end]]
            yield above.grid(split_row(heading), rows, _caption_below(lines, end))
            above.lines = []
            at = end
        elif "<table" in line.lower():
            end = next((end for end in range(at, len(lines)) if "</table" in lines[end][1].lower()), len(lines) - 1) + 1
            if any(rules[at:end]):  # a table of HTML that lays out one of Markdown
                end = at + 1
            else:
                for table in htmltables.html_tables(lines[at:end]):
                    yield above.grid(*table, _caption_below(lines, end))
            above.lines = []
            at = end
        else:
            underline = line.strip()
            if at and underline and set(underline) in ({"="}, {"-"}) and lines[at - 1][1].strip():
                above.read(lines[at - 1][1], 1 if underline[0] == "=" else 2)
            else:
                above.read(line)
            at += 1


def _caption_below(lines: list[tuple[int, str]], end: int) -> str:
    """Return a caption that stands below its table: "Table 3. Error rates on ImageNet"."""
    line = next((line for _, line in lines[end : end + 2] if line.strip()), "")
    return line.strip()[:_CAPTION_LENGTH] if _BELOW.match(line) else ""


def _is_rule(line: str) -> bool:
    return {"|", "-"} <= set(line) <= set("|:- \t")


def split_row(line: str) -> list[str]:
    """Return the cells of a table's row."""
    parts = [part.strip() for part in re.split(r"(?<!\\)\|", line.strip(), maxsplit=WIDEST)]
    return parts[bool(not parts[0]) : len(parts) - bool(len(parts) > 1 and not parts[-1])]


def targets(text: str) -> list[str]:
    """Return the addresses of the links in `text`."""
    return [target[1] for target in _TARGET.finditer(text)]


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and target of each Markdown link to another file or a heading."""
    for number, line in prose(text):
        for target in targets(re.sub(r"`[^`]*`", "", line)) if "](" in line else ():
            if not re.match(r"[a-z][a-z0-9+.-]{0,20}:|//", target, re.IGNORECASE) and "{" not in target:
                yield number, unquote(target)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to headings, and those that are set by hand."""
    slugs: dict[str, int] = {}
    for _, line in prose(text):
        if heading_level(line):
            slug = re.sub(r"[^\w\- ]", "", line.strip("# \t").lower()).strip().replace(" ", "-")
            slugs[slug] = slugs.get(slug, 0) + 1
    again = {f"{slug}-{number}" for slug, count in slugs.items() for number in range(1, count)}
    return slugs.keys() | again | {name.lower() for name in _ANCHOR.findall(text)}
