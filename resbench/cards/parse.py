"""Anybody's cards as one noun: timm pages, MMPretrain's README and metafile, Hugging Face cards and results."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote

import yaml

from resbench.cards import trees
from resbench.cards.said import Quantity, Said, accuracy
from resbench.cards.trees import Tree
from resbench.counting.conventions import NAMES
from resbench.zoo.find import find_weights
from resbench.zoo.spec import Variant, Weights
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import WEIGHTS

Style = Literal["index", "huggingface", "results", "table"]

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_FRONT = re.compile(r"\A---[ ]*\r?\n(.*?)^---[ ]*\r?$", re.DOTALL | re.MULTILINE)
_INDEX_KEYS = {"models", "collections", "import", "library"}
_LINK = re.compile(r"\[(?:[^\[\]]|\\.)*\]\(\s*<?([^)\s>]+)")
_HEADERS: tuple[tuple[Quantity | Literal["model", "config", "download", "size"], re.Pattern[str]], ...] = (
    ("model", re.compile(r"^(model|network|name|arch\w*|backbone|checkpoint)s?$")),
    ("params", re.compile(r"param")),
    ("macs", re.compile(r"\b[kmgt]?macs?\b|multiply")),
    ("flops", re.compile(r"flop|\b[mg]?ops\b")),
    ("top1", re.compile(r"top.?1|acc@1|acc1\b|^acc(uracy)?\b")),
    ("top5", re.compile(r"top.?5|acc@5|acc5\b")),
    ("config", re.compile(r"^config")),
    ("download", re.compile(r"download|weights|checkpoint")),
    ("size", re.compile(r"^(input|image|img|crop)\b.*(size|px|res)|^(image|input) ?(size|\(px\))|^resolution")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model on a card: what is said about it, where."""

    style: Style
    path: Path
    line: int
    name: str
    said: dict[Quantity, Said] = field(default_factory=dict)
    names: tuple[str, ...] = ()  # further names by which the table may know it: ID, config, file
    weights_url: str = ""
    image_px: int | None = None
    dataset: str = ""
    conventions: frozenset[str] = frozenset()  # of counting, that its page names

    @property
    def weights(self) -> Weights | None:
        """The published checkpoint that this is."""
        for name in (self.name, *self.names):
            if found := find_weights(name):
                return found
        file = file_name(self.weights_url)
        return next((row for row in WEIGHTS if file and file_name(row.url) == file), None)

    @property
    def network(self) -> Variant | None:
        """The network of the table that this is."""
        weights = self.weights
        wanted = {weights.network} if weights else {self.name, *self.names}
        return next((variant for variant in VARIANTS if variant.name in wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file: its text, its blocks of YAML, the models that it speaks of."""

    path: Path
    text: str
    indexes: tuple[Tree, ...] = ()  # model indexes of the Papers with Code kind
    front: Tree | None = None  # the front matter of a Hugging Face card
    results: Tree | None = None  # the list of an .eval_results file
    entries: tuple[Entry, ...] = ()
    errors: tuple[tuple[int, str], ...] = ()  # blocks that could not be read: line and reason

    @property
    def is_metafile(self) -> bool:
        """Whether it is MMPretrain's: one index in a file called metafile.yml."""
        return self.path.name in ("metafile.yml", "metafile.yaml")


def parse(path: Path, text: str) -> Document:
    """Return what `text`, read from `path`, says. Blocks that cannot be read are among its errors."""
    text = text.removeprefix("\ufeff")
    if _is_yaml(path, text):
        return _yaml_document(path, text)
    blocks: list[Tree] = []
    errors: list[tuple[int, str]] = []
    front = None
    if found := _FRONT.match(text):
        front = _read(found[1], 2, errors)
    for comment in _COMMENT.finditer(text):
        line = text.count("\n", 0, comment.start(1)) + 1
        if _looks_like_index(comment[1]) and (tree := _read(comment[1], line, errors)):
            blocks.append(tree)
    hub = front.find("model-index") if front else None
    if hub and hub.is_mapping:  # the Papers with Code kind in front matter
        blocks.append(hub)
        hub = None
    entries = [entry for block in blocks for entry in _index_entries(path, block)]
    entries += _hub_entries(path, hub) if hub else []
    entries += _table_entries(path, text)
    named = frozenset(name for name in NAMES if re.search(rf"(?<![\w-]){name}(?![\w-])", text))
    return Document(
        path=path,
        text=text,
        indexes=tuple(blocks),
        front=front,
        entries=tuple(replace(entry, conventions=named) for entry in entries),
        errors=tuple(errors),
    )


def links(document: Document) -> Iterator[tuple[int, str]]:
    """Yield the line and target of each Markdown link to another file or a heading."""
    for number, line in _prose(document.text):
        for target in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if not re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE) and "{" not in target:
                yield number, unquote(target)


def _is_yaml(path: Path, text: str) -> bool:
    if path.suffix in (".yml", ".yaml"):
        return True
    if path.suffix in (".md", ".mdx"):
        return False
    return "<!--" not in text and bool(re.search(r"^(Models|Collections|Import|Library):", text, re.MULTILINE))


def _yaml_document(path: Path, text: str) -> Document:
    errors: list[tuple[int, str]] = []
    tree = _read(text, 1, errors)
    if tree is None:
        return Document(path=path, text=text, errors=tuple(errors))
    if tree.is_list:
        return Document(path=path, text=text, results=tree, entries=tuple(_result_entries(path, tree)))
    return Document(path=path, text=text, indexes=(tree,), entries=tuple(_index_entries(path, tree)))


def _read(text: str, line: int, errors: list[tuple[int, str]]) -> Tree | None:
    try:
        return trees.read(text, line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        errors.append((line + (mark.line if mark else 0), str(error.problem or "not YAML")))
    except yaml.YAMLError as error:
        errors.append((line, str(error).splitlines()[0]))
    except RecursionError:
        errors.append((line, "nested too deeply"))
    return None


def _looks_like_index(comment: str) -> bool:
    return bool(re.search(r"^\s*(Type:\s*model-?index|Models:|Collections:)", comment, re.MULTILINE | re.IGNORECASE))


def _index_entries(path: Path, index: Tree) -> Iterator[Entry]:
    models = index.find("Models")
    for model in models.entries() if models else ():
        metadata = model.find("Metadata")
        said: dict[Quantity, Said] = {}
        if metadata:
            said |= _counts(metadata)
        results = model.find("Results")
        first = next(results.entries(), results) if results else None
        if first:
            said |= _accuracies(first.find("Metrics"))
        size = metadata.say("Image Size") if metadata else ""
        yield Entry(
            style="index",
            path=path,
            line=model.line,
            name=model.say("Name"),
            said=said,
            names=(_stem(model.say("Config")), metadata.say("ID") if metadata else ""),
            weights_url=model.say("Weights"),
            image_px=_side(size),
            dataset=first.say("Dataset") if first else "",
        )


def _counts(metadata: Tree) -> dict[Quantity, Said]:
    keys: dict[Quantity, str] = {"params": "Parameters", "flops": "FLOPs", "file_size": "File Size"}
    found = {quantity: metadata.find(key) for quantity, key in keys.items()}
    return {
        quantity: Said(quantity=quantity, text=tree.text, unit="", line=tree.line, is_count=True)
        for quantity, tree in found.items()
        if tree and tree.text
    }


def _accuracies(metrics: Tree | None) -> dict[Quantity, Said]:
    pairs = list(metrics.items()) if metrics else []
    pairs += _named_values(metrics)
    return _first_of_each(pairs, may_be_fraction=False)


def _named_values(metrics: Tree | None) -> list[tuple[str, Tree]]:
    """Return the metrics of a list of `{name, type, value}`."""
    found = (
        [(f"{one.say('type')} {one.say('name')}", one.find("value")) for one in metrics.entries()] if metrics else []
    )
    return [(name, value) for name, value in found if value]


def _first_of_each(pairs: list[tuple[str, Tree]], *, may_be_fraction: bool) -> dict[Quantity, Said]:
    found: dict[Quantity, Said] = {}
    for name, value in pairs:
        if (quantity := _accuracy(name)) and value.text:
            found.setdefault(quantity, accuracy(quantity, value.text, value.line, may_be_fraction=may_be_fraction))
    return found


def _accuracy(name: str) -> Literal["top1", "top5"] | None:
    name = name.lower()
    if re.search(r"top.?5|acc@5|acc5", name):
        return "top5"
    return "top1" if re.search(r"top.?1|acc@1|acc1|accuracy", name) else None


def _hub_entries(path: Path, index: Tree) -> Iterator[Entry]:
    for model in index.entries():
        results = model.find("results")
        for result in results.entries() if results else ():
            yield Entry(
                style="huggingface",
                path=path,
                line=result.line,
                name=model.say("name"),
                said=_first_of_each(_named_values(result.find("metrics")), may_be_fraction=True),
                dataset=f"{result.say('dataset', 'name')} {result.say('dataset', 'config')}".strip(),
            )


def _result_entries(path: Path, results: Tree) -> Iterator[Entry]:
    for result in results.entries():
        value = result.find("value")
        pairs = [(result.say("dataset", "task_id"), value)] if value else []
        yield Entry(
            style="results",
            path=path,
            line=result.line,
            name=result.say("notes"),
            said=_first_of_each(pairs, may_be_fraction=True),
            dataset=result.say("dataset", "id"),
        )


def _table_entries(path: Path, text: str) -> Iterator[Entry]:
    columns: list[tuple[str, str]] = []
    previous = ""
    for number, line in _prose(text):
        cells = _cells(line)
        if re.fullmatch(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*", line) and "|" in line:
            columns = [_column(cell) for cell in _cells(previous)]
            if [kind for kind, _ in columns].count("model") != 1:
                columns = []
        elif "|" not in line:
            columns = []
        elif columns and (entry := _row(path, number, columns, cells)):
            yield entry
        previous = line


def _row(path: Path, number: int, columns: list[tuple[str, str]], cells: list[str]) -> Entry | None:
    found = {kind: (cell, unit) for (kind, unit), cell in zip(columns, cells, strict=False) if kind}
    quantities: tuple[Quantity, ...] = ("params", "flops", "macs", "top1", "top5")
    said: dict[Quantity, Said] = {}
    for quantity in quantities:
        cell, unit = found.get(quantity, ("", ""))
        if figure := re.fullmatch(r"\**([\d.,_]+)\s*([KMGBT%]?)\**\\?\**(?:\^.*)?", cell.strip()):
            said[quantity] = Said(quantity=quantity, text=figure[1], unit=figure[2] or unit, line=number)
    name = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*\\]|<[^>]*>", lambda match: match[1] or "", found["model"][0]).strip()
    config = next(iter(_LINK.findall(found.get("config", ("", ""))[0])), "")
    download = next(iter(_LINK.findall(found.get("download", ("", ""))[0])), "")
    size = re.match(r"\d+", found.get("size", ("", ""))[0])
    if not name or not said:
        return None
    return Entry(
        style="table",
        path=path,
        line=number,
        name=name,
        said=said,
        names=(_stem(config),),
        weights_url=download,
        image_px=_side(size[0]) if size else None,
    )


def _column(header: str) -> tuple[str, str]:
    """Return what a column holds and the unit that its header gives."""
    plain = re.sub(r"[`*#_]|<[^>]*>", " ", header).strip().lower()
    kind = next((kind for kind, pattern in _HEADERS if pattern.search(plain)), "")
    unit = re.search(r"\(\s*([kmgbt%])\w*\s*\)|\b([kmgt])(?:flops?|macs?|ops|params?)\b|(%)", plain)
    return kind, next((group.upper() for group in unit.groups() if group), "") if unit else ""


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of Markdown outside fenced code and HTML comments."""
    fence = ""
    blank = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    for number, line in enumerate(blank.split("\n"), 1):
        ticks = re.match(r"\s{0,3}(`{3,}|~{3,})", line)
        if ticks and (not fence or ticks[1].startswith(fence)):
            fence = "" if fence else ticks[1]
        elif not fence:
            yield number, line.rstrip("\r")


def _cells(line: str) -> list[str]:
    parts = [part.strip() for part in re.split(r"(?<!\\)\|", line.strip())]
    return parts[bool(not parts[0]) : len(parts) - bool(len(parts) > 1 and not parts[-1])]


def _side(text: str) -> int | None:
    """Return a size in pixels; None for what no image has."""
    return int(text) if re.fullmatch(r"[1-9]\d{1,3}", text, re.ASCII) else None


def _stem(path: str) -> str:
    return PurePosixPath(file_name(path)).stem


def file_name(url: str) -> str:
    """Return the last part of a URL's or a file's path."""
    return re.split(r"[?#]", url, maxsplit=1)[0].rpartition("/")[2]
