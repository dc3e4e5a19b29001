"""Every parser that reads what somebody else wrote: whatever the bytes, an answer or one line, in bounded time.

hypothesis damages a file that is right, or makes one from pieces. The plain run tries each parser a few times.
"""

import io
import pickle
import tarfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resbench.accuracy import inspection
from resbench.accuracy.annotations import annotate, annotated_sample
from resbench.accuracy.dataset import File
from resbench.accuracy.journal import Journal
from resbench.accuracy.layouts import open_set
from resbench.accuracy.listing import listing
from resbench.cards.regions import replace as replace_regions
from resbench.counting.explain import parse_figure
from resbench.errors import ResbenchError
from resbench.judging.limits import load_limits
from resbench.lint.htmltables import html_tables
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.nets.checkpoints import read_tensors
from resbench.records import jsonio, predictions
from resbench.report.networks import COLUMNS
from resbench.report.where import condition
from resbench.words.escaped import visible
from tests import card_corpus, examples, packed, planted

PLAIN, NIGHTLY = 12, 1000  # executions of each parser
SECONDS = 5  # of processor time for one file
TOML = """[check]
latency = 0.05
counts = 0.0
weights = "any"
new_records = "inconclusive"
[check.networks."resnet*"]
throughput = inf
"""
HTML = (
    "<table><tr><th rowspan=2>Model<th colspan=2>Error (%)<tr><th>top-1<th>top-5"
    "<tr><td>ResNet-50<td>23.9<td>7.1</table>"
)
PIECES = [
    *(b"", b"\0", b"\n", b"\r", b"|", b"[", b"]", b"{", b"}", b"<", b"-->", b"---\n", b"&a [*a]", b"\xff\xfe", b"\x80"),
    *(b"9" * 60, b"-1", b"nan", b"1e999", b"null", b"<table>", b"colspan=999", b"\x1b[2J", b"::error::", b"../", b"~"),
    *(
        b"\x7f" * 8,
        b"\xff" * 8,
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"cos\nsystem\n",
        b"R.",
        b" = inf\n",
        b"[check]\n",
        b"\xe9",
    ),
]
KEYS = ["latency", "counts", "weights", "flips", "new_records", "networks", "latncy", "check", "'a.b'", '"é"']
VALUES = [
    *("0.1", "-1", "0", "inf", "nan", "1e400", "''", "'any'", '"equal"', "true", "[]", "[[0]]", "{}", "{latency=1}"),
    *("1979-05-27", "0x10", "1_0", "9e99", '"\\u001b"'),
]
HEADERS = ["[check]", '[check.networks."resnet*"]', "[check.networks]", "[[check]]", "[chek]", "[check.networks.x]", ""]


def of_file(read: Callable[[Path], object], name: str = "file") -> Callable[[bytes, Path], object]:
    """A parser that takes a path."""

    def written(data: bytes, folder: Path) -> object:
        (folder / name).write_bytes(data)
        return read(folder / name)

    return written


def of_text(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    """A parser that takes text."""
    return lambda data, _: read(data.decode("utf-8", "replace"))


def linted(name: str) -> Callable[[bytes, Path], object]:
    return of_text(lambda text: lint([parse(Path(name), text)], records=Path("absent")))


def saved(tensors: object, **options: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(tensors, stream, **options)
    return stream.getvalue()


def tarred(mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as out:
        for name, content in (
            ("1.jpg", planted.encoded(1)),
            ("1.cls", b"1"),
            ("2.jpg", planted.encoded(2)),
            ("2.cls", b"2"),
        ):
            header = tarfile.TarInfo(name)
            header.size = len(content)
            out.addfile(header, io.BytesIO(content))
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for number in (1, 2):
            out.writestr(f"n01440764/{number}.jpg", planted.encoded(number))
    return stream.getvalue()


def answers() -> bytes:
    rows = np.zeros(3, predictions.ROW)
    return predictions.encoded(predictions.Predictions(names=("a.jpg", "b.jpg", "c.jpg"), rows=rows))


def seen(path: Path) -> object:
    """What the doctor sees in an image, which never raises."""
    file = File(name=path.name, path=path, size_bytes=path.stat().st_size)
    return inspection.inspect([annotated_sample(file, 0)], workers=1)


def batches(path: Path) -> object:
    return [sample.read() for sample in open_set(path).samples]


def pickled() -> bytes:
    return pickle.dumps({"labels": [3, 4], "data": np.zeros((2, 3072), np.uint8)}, protocol=2)


def read_all(path: Path) -> object:
    """Every image of a table, or why it cannot be read."""
    texts = []
    for sample in open_set(path).samples:
        try:
            texts.append(sample.read())
        except OSError as error:
            texts.append(str(error).encode())
    return texts


def tabled(suffix: str) -> bytes:
    table = packed.table([(f"{number}.jpg", number, planted.encoded(number)) for number in (1, 2)], ["a", "b", "c"])
    stream = io.BytesIO()
    if suffix == "parquet":
        pq.write_table(table, stream)
    else:
        with pa.ipc.new_stream(stream, table.schema) as out:
            out.write_table(table)
    return stream.getvalue()


LABELLED = [File(name=f"{number}.jpg", path=Path(f"{number}.jpg"), size_bytes=1) for number in range(1, 4)]
WEIGHTS = {"fc.weight": torch.arange(12.0).view(3, 4), "fc.bias": torch.ones(3).half(), "n": torch.tensor(7)}
REGION = "a\n<!-- resbench:networks begin -->\nold\n<!-- resbench:networks end -->\nb\n"
PARSERS: dict[str, tuple[bytes, Callable[[bytes, Path], object]]] = {
    "card": (card_corpus.README.encode(), linted("card.md")),
    "card with front matter": (card_corpus.HUB.encode(), linted("hub.md")),
    "metafile": (card_corpus.METAFILE.encode(), linted("metafile.yml")),
    "results of the hub": (b"- dataset:\n    id: imagenet-1k\n  value: 76.1\n", linted(".eval_results/a.yaml")),
    "HTML table": (HTML.encode(), of_text(lambda text: list(html_tables(list(enumerate(text.splitlines(), 1)))))),
    "regions of a page": (REGION.encode(), of_text(lambda text: replace_regions(text, str.upper, "x"))),
    "figure": (b"5.28 GFLOPs", of_text(parse_figure)),
    "condition": (b"params<30M and not top1>79", of_text(lambda text: condition(text, COLUMNS))),
    "resbench.toml": (TOML.encode(), of_file(load_limits, "resbench.toml")),
    "labels": (b"image,label\n1.jpg,3\n2.jpg,4\n3.jpg,5\n", of_file(lambda path: annotate(LABELLED, path))),
    "tar": (tarred(), of_file(listing, "a.tar")),
    "tar.gz": (tarred("w:gz"), of_file(listing, "a.tar.gz")),
    "zip": (zipped(), of_file(listing, "a.zip")),
    "shard": (tarred(), of_file(open_set, "shard-000.tar")),
    "image": (planted.encoded(7), of_file(seen, "1.jpg")),
    "CIFAR-10": (bytes(3073 * 2), of_file(batches, "test_batch.bin")),
    "CIFAR-10, Python": (pickled(), of_file(batches, "test_batch")),
    "Parquet": (tabled("parquet"), of_file(read_all, "a.parquet")),
    "Arrow": (tabled("arrow"), of_file(read_all, "a.arrow")),
    "journal": (bytes(200), of_file(lambda path: Journal(folder=path.parent).read(), "a.rows")),
    "predictions": (answers(), lambda data, _: predictions.parse_predictions(data, "a.npz")),
    "record of speed": (jsonio.dumps(examples.PROFILE).encode(), lambda data, _: jsonio.loads(data)),
    "record of accuracy": (jsonio.dumps(examples.EVALUATION).encode(), lambda data, _: jsonio.loads(data)),
    "checkpoint": (saved(WEIGHTS), of_file(read_tensors)),
    "old checkpoint": (saved(WEIGHTS, _use_new_zipfile_serialization=False), of_file(read_tensors)),
    "safetensors": (safetensors.torch.save(WEIGHTS), of_file(read_tensors)),
}


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes, or `whole` with up to four parts replaced."""
    part = st.tuples(st.integers(0, len(whole)), st.integers(0, 64), st.binary(max_size=8) | st.sampled_from(PIECES))

    def replaced(parts: list[tuple[int, int, bytes]]) -> bytes:
        data = whole
        for start, length, new in parts:
            data = data[:start] + new + data[start + length :]
        return data

    edited = st.lists(part, min_size=1, max_size=4).map(replaced)
    return edited | st.integers(0, len(whole)).map(lambda end: whole[:end]) | st.binary(max_size=300)


CONFIGURATIONS = st.lists(
    st.sampled_from(HEADERS) | st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(" = ".join), max_size=7
).map(lambda lines: "\n".join(["[check]", *lines]).encode())


def answered(read: Callable[[bytes, Path], object], data: bytes, folder: Path) -> None:
    """Read `data`: what comes back is an answer, or a refusal of one line, in time."""
    started, refusal = time.process_time(), "none"
    try:
        read(data, folder)
    except ResbenchError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(visible(refusal).splitlines()) == 1  # as it is shown
    assert len(refusal) < 2000
    assert time.process_time() - started < SECONDS


def execute(
    inputs: st.SearchStrategy[bytes], read: Callable[[bytes, Path], object], folder: Path, examples: int
) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def check(data: bytes) -> None:
        answered(read, data, folder)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's and zipfile's, of damaged files
        check()


TIMES = pytest.mark.parametrize(
    "examples",
    [PLAIN, pytest.param(NIGHTLY, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])],
    ids=["share", "all"],
)


@pytest.mark.parametrize("name", PARSERS)
def test_a_file_that_is_right_is_read(name, tmp_path):
    whole, read = PARSERS[name]
    read(whole, tmp_path)


@TIMES
@pytest.mark.parametrize("name", PARSERS)
def test_whatever_a_file_holds_the_answer_is_one_line_or_a_result(name, examples, tmp_path):
    whole, read = PARSERS[name]
    execute(damaged(whole), read, tmp_path, examples)


@TIMES
def test_configurations_of_odd_keys_values_and_tables_are_read_or_refused_in_one_line(examples, tmp_path):
    read = of_file(lambda path: load_limits(path).of("resnet18"), "resbench.toml")
    execute(CONFIGURATIONS, read, tmp_path, examples)
