"""Tables fit every terminal: no word and no number is broken, a pipe gets the same, what has no room is named."""

import io
import re
import shlex
import sys
from collections import Counter
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Column, Table
from typer.testing import CliRunner

from resbench.bench.comparing import findings
from resbench.bench.selfcheck import false_alarms, scores
from resbench.cli.app import app
from resbench.records.pool import add
from resbench.records.record import Ceilings, Gap, TwinFigure
from resbench.records.store import save
from resbench.report import (
    comparison,
    evaluation,
    ladder,
    profile,
    rows,
    selfcheck,
    sweep,
    tables,
    terminal,
    tuning,
    weights,
)
from resbench.report.findings import show_findings
from tests import planted, standins
from tests.examples import COUNTS, EVALUATION, PROFILE, STAGE_TIMES, series
from tests.test_cli_results import stored
from tests.test_report_findings import TIMING
from tests.test_tune import RACE

FRAME = re.compile(r"[│┃┏━┳┓┡╇┩└─┴┘┌┬┐]")
CEILINGS = Ceilings(matmul_size=1024, matmul_ns=(10_000_000,), copy_bytes=2**28, copy_ns=(20_000_000,))
FULL = replace(
    PROFILE,
    network="resnet18",
    counts=replace(COUNTS, traffic=20_000_000),
    series=(series(scale=10.0, clusters=30), replace(series("throughput", 40.0), batch_size=8)),
    ceilings=CEILINGS,
    stages=(STAGE_TIMES,),
)
CHECK = standins.SELFCHECK
GAP = Gap(
    images=200,
    top1_right=150,
    twins=(TwinFigure(what="bicubic resizing of the shorter side", top1_right=160, gained=12, lost=2, command="x"),),
)


def words_of(text):
    return Counter(FRAME.sub(" ", text).split())


def letters_of(text):
    return Counter(re.sub(r"\s", "", FRAME.sub("", text)))


def without(words, left_out):
    return {word: number for word, number in words.items() if word not in left_out}


def assert_same_words(narrow, wide, width):
    """No word is broken but those that no line of `width` characters holds, such as addresses and paths."""
    long = [word for word in words_of(wide) if len(word) > width - 2]
    parts = [word for word in words_of(narrow) if any(word in whole for whole in long)]
    assert without(words_of(narrow), parts) == without(words_of(wide), [*long, *parts])
    assert letters_of(narrow) == letters_of(wide)


def table_of(columns):
    table = Table(
        *(Column(title, justify="right" if index % 2 else "left") for index, (title, _) in enumerate(columns))
    )
    for row in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*row)
    return table


TEXTS = st.text(alphabet="abcd019 -/[].,%µé", max_size=40)
COLUMNS = st.lists(st.tuples(TEXTS, st.tuples(TEXTS, TEXTS, TEXTS)), min_size=1, max_size=8)


@given(COLUMNS, st.integers(20, 120))
def test_every_table_fits_and_loses_no_letter(columns, width):
    sheet = tables.Sheet.of(table_of(columns))
    lines = [line for line, _ in tables.open_lines(sheet, width)]
    assert max(map(len, lines)) <= width
    shown = "".join(lines).replace("─", "")
    wanted = "".join(title + "".join(cells) for title, cells in columns)
    assert letters_of(shown) == letters_of(wanted)


@given(COLUMNS, st.integers(50, 120))
def test_no_word_that_fits_a_line_is_broken(columns, width):
    sheet = tables.Sheet.of(table_of(columns))
    shown = words_of("\n".join(line for line, _ in tables.open_lines(sheet, width)))
    assert shown == words_of(" ".join(" ".join([title, *cells]) for title, cells in columns))


def test_a_framed_table_is_drawn_as_rich_draws_it_letters_of_two_places_too():
    columns = [("名前", ("残差", "é", "x")), ("b", ("1", "22 [21, 23]", "😀"))]
    sheet = tables.Sheet.of(table_of(columns))
    console = Console(width=1000, file=io.StringIO(), markup=False, highlight=False, emoji=False)
    console.print(table_of(columns))
    assert "\n".join(tables.framed_lines(sheet)) + "\n" == console.file.getvalue()


def test_intervals_and_numbers_with_their_units_stay_on_one_line():
    assert tables.wrapped("latency 51.7 ms [51.4, 52.1] in 12 clusters", 12) == [
        "latency",
        "51.7 ms",
        "[51.4, 52.1]",
        "in 12",
        "clusters",
    ]


def test_columns_that_say_nothing_are_left_out_unless_they_are_asked_for(capsys):
    columns = [("network", ("a", "b")), ("top1", ("-", "-")), ("macs", ("1", "-")), ("note", ("", ""))]
    terminal.results_console().print(table_of(columns))
    assert set(words_of(capsys.readouterr().out)) == {"network", "macs", "a", "b", "1", "-"}
    terminal.results_console().print(tables.Sheet.of(table_of(columns)))
    assert {"top1", "note"} <= set(words_of(capsys.readouterr().out))


@pytest.fixture
def records(tmp_path, monkeypatch):
    """A folder with profiles and an evaluation, a pool, and images of which one is damaged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    slower = replace(PROFILE, series=(series(scale=30.0),), network="seresnext50_32x4d")
    for record in (FULL, slower, EVALUATION):
        save(record, tmp_path / "results")
        add(record, tmp_path / "pool")
    save(replace(FULL, counts=replace(FULL.counts, params=FULL.counts.params - 1)), tmp_path / "before")
    for name, seen in (("a", (0, 7, 1, 1)), ("b", (0, 0, 1, 5)), ("c", (9, 9, 9, 5))):
        stored(tmp_path / f"{name}.json", seen)
    planted.write_four(tmp_path / "val")
    (tmp_path / "val" / "n01440764").mkdir()
    (tmp_path / "val" / "n01440764" / "x.JPEG").write_bytes(b"no image")
    return tmp_path


SHOWN = [
    "weights list resnet50",
    "results --columns network,checkpoint,machine,settings,latency_ms,energy_mj,dataset,record",
    "results show resnet18",
    "results show a.json",
    "results diff a.json b.json",
    "results diff a.json b.json c.json",
    "compare resnet18 seresnext50_32x4d resnet50",
    "stats results",
    "check results --against before",
    "history pool",
    "baseline list --pool pool",
    "explain resnet50 5.28G",
    "count resnet20_cifar10",
    "count resnet20_cifar10 resnet32_cifar10",
    "show resnet20_cifar10",
    "data check val",
    "sweep resnet18 resnet34 --batch-size 1 --dry-run",
    "env --device cpu --seconds 0.1",
]


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_shows_the_same_in_80_columns(records, monkeypatch, command):
    def run():
        return CliRunner().invoke(app, shlex.split(command))

    wide = run()
    monkeypatch.setattr(terminal, "UNWRAPPED", 80)
    narrow = run()
    assert narrow.exception is None or isinstance(narrow.exception, SystemExit), narrow.exception
    assert max(map(len, narrow.stdout.splitlines())) <= 80
    if not command.startswith("env"):  # which measures
        assert_same_words(narrow.stdout, wide.stdout, 80)


CHOSEN = ["list 'se*' --where 'params<30M'", "results", "results --speeds"]


@pytest.mark.parametrize("command", CHOSEN)
def test_a_record_takes_one_line_of_80_columns_and_a_note_names_what_has_no_room(records, monkeypatch, command):
    def words(width):
        monkeypatch.setattr(terminal, "UNWRAPPED", width)
        lines = CliRunner().invoke(app, shlex.split(command)).stdout.splitlines()
        return list(filter(None, (FRAME.sub(" ", line).split() for line in lines)))

    wide, narrow = words(1000), words(80)
    more = "--json" if command.startswith("list") else "--columns"
    note = " ".join(word for line in narrow for word in line).partition("no room for ")[2]
    assert note.endswith(f" ({more} or a wider terminal shows them)")
    missing = note.partition(" (")[0].split(", ")
    assert [title for title in wide[0] if title not in missing] == narrow[0]
    assert len(set(wide[0]) - set(narrow[0])) == len(missing) > 0
    shown = [list(takewhile(lambda line: line[0] not in ("all", "no"), lines[1:])) for lines in (wide, narrow)]
    assert [line[0] for line in shown[0]] == [line[0] for line in shown[1]] != []
    assert {"network", "time_ms" if "--speeds" in command else "top1"} < set(narrow[0])


@pytest.mark.usefixtures("records")
def test_what_is_sorted_by_keeps_its_column_in_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr(terminal, "UNWRAPPED", 60)
    plain, ordered = (
        CliRunner().invoke(app, ["results", *words]).stdout.partition("no room")[0]
        for words in ([], ["--sort", "images_per_s"])
    )
    assert "latency_ms" in plain.split()
    assert "images_per_s" not in plain.split()
    assert "images_per_s" in ordered.split()


@given(COLUMNS, st.integers(20, 120), st.permutations(range(8)))
def test_columns_go_in_their_order_until_a_row_fits(columns, width, order):
    columns = [(f"{title}{place}", cells) for place, (title, cells) in enumerate(columns)]
    titles = [columns[place][0] for place in order if place < len(columns)]
    sheet = tables.Sheet.of(table_of(columns)).fitting(width, titles)
    gone = [title for title, _ in columns if title not in sheet.titles]
    widths = {title: max(map(len, (title, *cells))) for title, cells in columns}
    kept = [title for title, _ in columns if title not in gone]
    assert list(sheet.titles) == kept
    assert sum(widths[title] for title in kept) + 2 * (len(kept) - 1) <= max(width, widths[titles[0]])
    for title in gone:  # with those before it there was no room for it
        before = [other for other in titles[: titles.index(title)] if other in kept]
        assert sum(widths[other] + 2 for other in before) + widths[title] > width


@pytest.mark.parametrize(
    "show",
    [
        lambda: profile.profiles_table([FULL, replace(FULL, network="seresnext101_32x4d")]),
        lambda: profile.profile_sheet(FULL),
        lambda: evaluation.evaluations_table([EVALUATION, replace(EVALUATION, weights="gluon_seresnext101_32x4d")]),
        lambda: evaluation.evaluation_sheet(replace(EVALUATION, gap=GAP)),
        lambda: evaluation.show_gap("gluon_seresnext101_32x4d", GAP, terminal.results_console()),
        lambda: show_findings([TIMING], as_json=False),
        lambda: ladder.show_ladder(iter([standins.LADDER]), as_json=False),
        lambda: tuning.show_tuning(iter([RACE]), as_json=False),
        lambda: selfcheck.show_selfcheck(CHECK, scores(CHECK), false_alarms(CHECK), as_json=False),
        lambda: rows.show_row_checks(standins.ROW_CHECKS, as_json=False),
        lambda: weights.show_identity(standins.IDENTITY, as_json=False),
        lambda: sweep.show_status(standins.SWEEP, Path("results"), as_json=False),
        lambda: comparison.show_comparison(standins.COMPARISON, findings(standins.COMPARISON), as_json=False),
    ],
    ids=[
        "profiles",
        "profile",
        "evaluations",
        "evaluation",
        "gap",
        "findings",
        "ladder",
        "tune",
        "selfcheck",
        "zoo check",
        "weights verify",
        "sweep status",
        "ab",
    ],
)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_shows_what_a_pipe_gets(show, width, monkeypatch, capsys):
    show()
    piped = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    show()
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert_same_words(shown, piped, width)
    commands = "to use it: "  # stay on one line, so that they can be copied
    assert max(len(line) for line in shown.splitlines() if not line.startswith(commands)) <= width


def test_the_sheet_of_a_profile_is_at_most_100_wide(capsys):
    profile.profile_sheet(FULL)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100
