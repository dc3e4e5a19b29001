"""Generated regions in files that people write: what lies between two markers is replaced, nothing else is touched.

A region begins with a line `<!-- resbench:NAME begin -->` and ends with `<!-- resbench:NAME end -->`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resbench.errors import ResbenchError

_MARKER = re.compile(r"[ ]{0,3}<!-- resbench:(?P<name>[^<>\r\n]+?) (?P<edge>begin|end) -->[ \t]*\r?\n?")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The lines between two markers."""

    name: str
    first: int  # index of the line after the opening marker
    last: int  # index of the closing marker's line


def replace(source: str, generate: Callable[[str], str], where: str) -> str:
    """Return `source` with every region's lines replaced by `generate(name)`, in the line ends of its marker.

    Raises ResbenchError naming `where` when a marker lacks its partner or there is none.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", source)
    regions_ = list(regions(lines, where))
    if not regions_:
        raise ResbenchError(
            f"{where}: no regions to update; add lines `<!-- resbench:networks begin -->` and "
            "`<!-- resbench:networks end -->`"
        )
    for region in reversed(regions_):
        newline = "\r\n" if lines[region.first - 1].endswith("\r\n") else "\n"
        lines[region.first : region.last] = [line + newline for line in generate(region.name).splitlines()]
    return "".join(lines)


def regions(lines: list[str], where: str) -> Iterator[Region]:
    """Yield the regions in `lines`; markers inside fenced code are text. Raises ResbenchError for a lone marker."""
    opened: tuple[str, int] | None = None
    fence = ""
    for number, line in enumerate(lines):
        if opened is None and (ticks := _FENCE.match(line)):
            fence = _fence_after(fence, ticks[1])
        marker = None if fence else _MARKER.fullmatch(line)
        if marker is None:
            continue
        name, begins = marker["name"], marker["edge"] == "begin"
        if begins == (opened is not None) or (opened and opened[0] != name):
            raise ResbenchError(f"{where}:{number + 1}: marker `{name} {marker['edge']}` without its partner; add it")
        if opened:
            yield Region(name=name, first=opened[1], last=number)
        opened = (name, number + 1) if begins else None
    if opened:
        raise ResbenchError(f"{where}:{opened[1]}: marker `{opened[0]} begin` without its partner; add the end marker")


def _fence_after(fence: str, ticks: str) -> str:
    """Return the fence that is open after a line that starts with `ticks`."""
    if not fence:
        return ticks
    return "" if ticks[0] == fence[0] and len(ticks) >= len(fence) else fence
