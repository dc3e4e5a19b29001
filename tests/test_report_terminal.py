"""What is the same for every command: nothing in a name is obeyed, JSON is JSON, bars are for terminals only."""

import json
import math
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.table import Table

from resbench.nets.identify import Identity
from resbench.records.pool import Shelf
from resbench.report import baseline, environment, stats, terminal, weights
from resbench.report.progress import timing_progress
from tests import examples

HOSTILE = "[/]a[red]b[/red]:warning:"
MACHINE = replace(examples.MACHINE, device_name=HOSTILE)
IDENTITY = Identity(file=HOSTILE, sha256="ab" * 32, verdict="unknown", published=(), networks=(), notes=())
SHELF = Shelf(path=HOSTILE, network="n", runs=1, oldest="2026-01-01T00:00:00", newest="2026-01-01T00:00:00")
SHOWN = {
    "stats": lambda: stats.show_stats({Path(HOSTILE): {"a.json": examples.PROFILE}}, as_json=False),
    "env": lambda: environment.show_environment(replace(examples.ENVIRONMENT, machine=MACHINE), as_json=False),
    "weights verify": lambda: weights.show_identity(IDENTITY, as_json=False),
    "weights convert": lambda: weights.show_notes(Path("x"), [HOSTILE]),
    "baseline list": lambda: baseline.show_baseline([SHELF], as_json=False),
    "baseline add": lambda: baseline.print_count(2, "added", HOSTILE),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_what_looks_like_markup_is_shown_as_it_is(show, capsys):
    show()
    assert HOSTILE in "".join(capsys.readouterr())


def test_what_is_infinite_or_not_a_number_is_null_and_numpys_scalars_are_numbers(capsys):
    terminal.print_json({"a": math.inf, "b": math.nan, "c": np.float64(1.5), "d": examples.MACHINE, "é": (1, None)})
    shown = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [shown[key] for key in "abcé"] == [None, None, 1.5, [1, None]]
    assert shown["d"]["cpu_cores"] == 2


@pytest.mark.parametrize("columns", [40, 80, 1000])
def test_a_table_is_shown_whole_on_every_terminal(capsys, monkeypatch, columns):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    cells = ("legacy_seresnext101_32x4d", "Legacy SENet", "48,955,416", "7,974,584,000", "1.81 ms [1.70, 1.92]")
    headings = ("checkpoints", "family", *map(str, range(3)))
    table = Table(*headings)
    table.add_row(*cells)
    terminal.results_console().print(table)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= columns
    assert Counter(re.findall(r"[!-~]", shown)) == Counter("".join(headings + cells).replace(" ", ""))


def test_a_diff_is_cut_off_on_no_terminal(capsys, monkeypatch):
    text = f"--- a\n+++ b\n@@ -1 +1 @@\n-[red]x {'long ' * 50}\n+y\n same\n"
    terminal.print_diff(text)
    assert capsys.readouterr().out == text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal.print_diff(text)
    shown = capsys.readouterr().out
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == text
    assert "\x1b[32m+y" in shown
    assert "\n same" in shown  # in the terminal's own colour


def test_nothing_of_a_bar_is_seen_off_a_terminal(capsys):
    with timing_progress() as update:
        update("warming up", 0.5)
        update("measuring", 0.5)
    assert "".join(capsys.readouterr()) == ""
