"""The notebook in docs/examples runs from top to bottom, shows a value after most cells, and is stored without outputs.

Its cells run in this process, as a kernel would run them: without a server, and without the packages of one.
"""

import ast
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import rich.console

import resbench
from resbench.records.record import Profile
from resbench.report import terminal

NOTEBOOK = Path(__file__).parent.parent / "docs" / "examples" / "first_steps.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def displayed(source, names):
    """Run a cell; return the value of its last expression, which a notebook would display."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), names)
    return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names) if last else None


def test_it_is_stored_without_outputs():
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)


@pytest.mark.usefixtures("few_samples")
def test_it_runs_from_top_to_bottom(monkeypatch, tmp_path):
    monkeypatch.setattr("resbench.bench.measuring._memory", lambda *_: iter(()))  # this and the next take seconds
    monkeypatch.setattr("resbench.bench.measuring._ceilings", lambda *_: None)
    monkeypatch.setattr(tempfile, "mkdtemp", lambda: str(tmp_path))
    monkeypatch.chdir(tmp_path)
    names = {}
    quick = [cell.replace("_s=0.5", "_s=0.05").replace("[1, 8]", "[1, 2]") for cell in CODE]
    params, counts, profile, _, table, wide = [displayed(cell, names) for cell in quick]
    assert params == counts["parameters"] == 269_722  # as its authors count (He et al. 2016: 0.27 million)
    assert isinstance(profile, Profile)
    assert "<table>" in profile._repr_html_()
    assert profile.interval[0] < profile.latency_ms < profile.interval[1]
    assert set(table.network) == {"resnet20_cifar10", "resnet32_cifar10"}
    assert len(table) == 8
    assert wide.shape == (2, 4)


@pytest.mark.parametrize(
    ("figures", "widgets", "seen"), [((0.5,), True, True), ((3, 10, 2), True, True), ((0.5,), False, False)]
)
def test_a_notebook_has_bars_where_its_widgets_are_installed(monkeypatch, figures, widgets, seen, recwarn):
    made = []
    real = terminal.Progress
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    monkeypatch.setattr(terminal, "find_spec", lambda name: SimpleNamespace(name=name) if widgets else None)

    def progress(*columns, **options):
        made.append(options)
        return real(*columns, **options | {"disable": True})  # the widgets themselves are not installed

    monkeypatch.setattr(terminal, "Progress", progress)
    with resbench.progress() as bar:
        bar("measuring", *figures)
    assert [not options["disable"] for options in made] == [seen]
    assert not recwarn.list  # rich warns where it lacks the widgets


def test_nothing_is_shown_where_nobody_looks(capsys):
    with resbench.progress() as bar:
        bar("evaluating", 3, 10, 2)
        bar("evaluating", 10, 10, 5)
    with resbench.progress() as bar:
        bar("measuring", 1.0)
    assert "".join(capsys.readouterr()) == ""
