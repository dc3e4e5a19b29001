"""Tables of models and lists of their counts in Markdown, and the lines that are neither code nor comment."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from resbench.lint.entry import ModelEntry, side, stem
from resbench.lint.figure import StatedFigure
from resbench.words.quantities import Quantity

COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_LINK = re.compile(r"\[(?:[^\[\]\\]|\\.)*\]\(\s*<?([^)\s>]+)")
Kind = (
    Quantity | Literal["model", "checkpoint", "config", "download", "size", ""]
)  # what a column holds; empty: nothing known
_HEADERS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("model", re.compile(r"^(model|network|name|arch\w*)s?$")),
    ("checkpoint", re.compile(r"^(checkpoint|weight)s?$")),
    ("params", re.compile(r"param")),
    ("macs", re.compile(r"\b[kmgt]?macs?\b|multiply")),
    ("flops", re.compile(r"flop|\b[mg]?ops\b")),
    ("top1", re.compile(r"top.?1|acc@1|acc1\b|^acc(uracy)?\.?( ?\(%\))?$")),
    ("top5", re.compile(r"top.?5|acc@5|acc5\b")),
    ("config", re.compile(r"^config")),
    ("download", re.compile(r"download|weights|checkpoint")),
    ("size", re.compile(r"^(input|image|img|crop)\b.*(size|px|res)|^(image|input) ?(size|\(px\))|^resolution")),
)


def table_entries(path: Path, text: str) -> Iterator[ModelEntry]:
    """Yield the rows of the tables in `text` that have a column of models."""
    columns: list[tuple[Kind, str]] = []
    previous = ""
    for number, line in _prose(text):
        cells = _cells(line)
        if {"|", "-"} <= set(line) <= set("|:- \t"):
            columns = _columns(_cells(previous))
        elif "|" not in line:
            columns = []
        elif columns and (entry := _row(path, number, columns, cells)):
            yield entry
        previous = line


def _row(path: Path, number: int, columns: list[tuple[Kind, str]], cells: list[str]) -> ModelEntry | None:
    found = {kind: (cell, unit) for (kind, unit), cell in zip(columns, cells, strict=False) if kind}
    quantities: tuple[Quantity, ...] = ("params", "flops", "macs", "top1", "top5")
    said: dict[Quantity, StatedFigure] = {}
    for quantity in quantities:
        if figure := _figure(quantity, *found.get(quantity, ("", "")), number):
            said[quantity] = figure
    dressed = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found.get("model", ("", ""))[0])
    name = re.sub(r"[`*\\]|<[^>]*>", "", dressed).strip()
    config = next(iter(_LINK.findall(found.get("config", ("", ""))[0])), "")
    download = next(iter(_LINK.findall(found.get("download", ("", ""))[0])), "")
    size = re.match(r"\d+", found.get("size", ("", ""))[0])
    if not name or not said:
        return None
    return ModelEntry(
        style="table",
        path=path,
        line=number,
        name=name,
        figures=tuple(said.values()),
        names=(stem(config),),
        weights_url=download,
        image_px=side(size[0]) if size else None,
    )


def list_entries(path: Path, text: str) -> Iterator[ModelEntry]:
    """Yield a model for each title that is followed by a list of its counts, as on timm's cards at the hub.

    The first size that the list gives is the one that the counts hold at.
    """
    titled = ModelEntry(style="table", path=path, line=1, name="")
    for number, line in _prose(text):
        if title := re.fullmatch(r"#[ \t].*?([^\s#]+)[ \t#]*", line):
            if titled.figures:
                yield titled
            titled = replace(titled, line=number, name=re.sub(r"[`*\\]", "", title[1]), figures=(), image_px=None)
        elif item := re.fullmatch(r"\s*[-*+]\s+([^:]+):\s*(.*)", line):
            kind, unit = _column(item[1])
            if (kind == "params" or kind == "macs" or kind == "flops") and (
                figure := _figure(kind, item[2], unit, number)
            ):
                titled = titled if titled.figure(kind) else replace(titled, figures=(*titled.figures, figure))
            elif kind == "size" and (size := re.search(r"\d+", item[2])):
                titled = replace(titled, image_px=titled.image_px or side(size[0]))
    if titled.figures:
        yield titled


def _figure(quantity: Quantity, cell: str, unit: str, line: int) -> StatedFigure | None:
    """Return the figure in a cell, in its own unit or that of its column; None for anything else."""
    figure = re.fullmatch(r"\**([\d.,_]+)\s*([KMGBT%]?)\**\\?\**(?:\^.*)?", cell.strip())
    own = (figure[2] or unit) if figure else ""
    if figure is None or (own == "%" and quantity not in ("top1", "top5")):  # a percentage of parameters is no count
        return None
    return StatedFigure(quantity=quantity, text=figure[1], unit=own, line=line)


def _columns(headers: list[str]) -> list[tuple[Kind, str]]:
    """Return what the columns hold; none for a table that is not of models, each named once.

    Checkpoints are downloads where models are named beside them, and else the models themselves.
    """
    found = [_column(header) for header in headers]
    kinds = [kind for kind, _ in found]
    checkpoint: Kind = "download" if "model" in kinds else "model"
    found = [(checkpoint if kind == "checkpoint" else kind, unit) for kind, unit in found]
    return found if [kind for kind, _ in found].count("model") == 1 else []


def _column(header: str) -> tuple[Kind, str]:
    """Return what a column holds and the unit that its header gives."""
    plain = re.sub(r"[`*#_]|<[^>]*>", " ", header).strip().lower()
    if "best" in plain.split():  # of several checkpoints, so no claim about the one in the row
        return "", ""
    kind: Kind = next((kind for kind, pattern in _HEADERS if pattern.search(plain)), "")
    unit = re.search(
        r"\(\s*([kmgbt])(?:flops?|macs?|ops|illions?|illiards?)?\s*\)|\b([kmgt])(?:flops?|macs?|ops|params?)\b|(%)",
        plain,
    )
    return kind, next((group.upper() for group in unit.groups() if group), "") if unit else ""


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of Markdown outside fenced code and HTML comments."""
    fence = ""
    blank = COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    for number, line in enumerate(blank.split("\n"), 1):
        ticks = re.match(r"\s{0,3}(`{3,}|~{3,})", line)
        if ticks and (not fence or ticks[1].startswith(fence)):
            fence = "" if fence else ticks[1]
        elif not fence:
            yield number, line.rstrip("\r")


def _cells(line: str) -> list[str]:
    parts = [part.strip() for part in re.split(r"(?<!\\)\|", line.strip())]
    return parts[bool(not parts[0]) : len(parts) - bool(len(parts) > 1 and not parts[-1])]


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and target of each Markdown link to another file or a heading."""
    for number, line in _prose(text):
        for target in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if not re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE) and "{" not in target:
                yield number, unquote(target)
