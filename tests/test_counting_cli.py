import json

import pytest
from typer.testing import CliRunner

from resbench.bench import costs
from resbench.cli.app import app
from resbench.counting import counted
from resbench.counting.figures import declared_figures
from resbench.errors import ExitCode, ResbenchError
from resbench.records.record import Counts, Terms
from resbench.report.counts import show_counts
from resbench.report.stages import show_stages
from resbench.zoo.variants import VARIANTS


def run(*words):
    return CliRunner().invoke(app, words)


def loaded(*words):
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_one_network_is_shown_in_every_convention():
    shown = run("count", "resnext50_32x4d").stdout
    for figure in ("25,028,904", "4,230,479,872", "4,259,381,248", "5,472,648,192", "224x285", "427x427"):
        assert figure in shown


def test_several_networks_are_shown_in_rows():
    lines = run("count", "resnet18", "seresnet5*", "-c", "thop").stdout.splitlines()
    assert sum("1,824,033,792" in line for line in lines) == 1
    assert sum("seresnet5" in line for line in lines) == sum(each.name.startswith("seresnet5") for each in VARIANTS)


def test_a_side_is_what_a_convention_starts_from():
    (row,) = loaded("count", "resnet18", "--input-px", "256", "-c", "macs", "-c", "timm-card")
    assert [entry["input_px"] for entry in row["operations"]] == [[256, 256], [256, 326]]


def test_height_and_width_are_taken_as_they_are():
    (row,) = loaded("count", "resnet18", "--input-px", "64x96")
    assert {tuple(entry["input_px"]) for entry in row["operations"]} == {(64, 96)}
    assert row["counts"]["input_px"] == [64, 96]
    assert row["bytes_moved"] == 4 * (row["counts"]["params"] + row["counts"]["traffic"])


def test_declared_inputs_are_taken_as_they_are_in_every_convention():
    (row,) = loaded("count", "resnet18", "--input", "3x64x64")
    assert {tuple(entry["input_px"]) for entry in row["operations"]} == {(64, 64)}
    error = run("count", "resnet18", "--input", "4x64x64").exception
    assert "ResNet cannot take 4x64x64 (" in str(error)
    assert "\n" not in str(error)


def test_operators_that_cannot_be_costed_make_figures_lower_bounds(capsys):
    counts = Counts(
        **{"input_px": (8, 8), "params": 1, "buffers": 0, "weights_bytes": 4, "activations": 0},
        terms=Terms(conv=1234, attention=1),
        uncounted={"aten._fft_r2c": 2, "own.op": 1},
    )
    rows = [declared_figures(name, counts, ("macs", "thop")) for name in "ab"]
    show_counts(rows[:1], as_json=False)
    shown = capsys.readouterr().out
    for words in ("at least 1,235", "aten._fft_r2c (2 calls), own.op (1 call)", "not defined for attention"):
        assert words in " ".join(shown.split())
    show_counts(rows, as_json=False)
    show_stages([("a", {"stem": counts}, None)], ["macs"], as_json=False)
    assert capsys.readouterr().out.count("at least 1,235") == 3


def test_stages_add_up():
    stages = loaded("count", "resnet18", "--by-stage")[0]["stages"]
    assert sum(stage["params"] for stage in stages.values()) == 11_689_512
    assert sum(stage["operations"]["fvcore"] for stage in stages.values()) == 1_819_065_856
    assert "layer4" in run("count", "resnet18", "--by-stage").stdout


def test_modules_are_fvcores():
    (shown,) = loaded("count", "resnet20_cifar10", "--by-module")
    assert (shown["network"], shown["modules"]["layer1.0.conv1"]) == ("resnet20_cifar10", 2_359_296)
    assert "| layer1.0.conv1" in run("count", "resnet20_cifar10", "--by-module").stdout


def test_the_crosscheck_shows_both_sides():
    rows = loaded("count", "resnet20_cifar10", "--crosscheck")
    assert {row["counter"] for row in rows} == {"fvcore", "torch.utils.flop_counter"}
    assert all(row["ours"] == row["theirs"] for row in rows)
    assert "flop_counter" in run("count", "resnet20_cifar10", "--crosscheck").stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("count",), "no networks given"),
        (("count", "--all", "resnet18"), "names and --all"),
        (("count", "resnet18", "--convention", "flops"), "unknown convention 'flops'"),
        (("count", "resnet18", "--input-px", "0"), "not a size"),
        (("count", "resnet18", "--by-stage", "--by-module"), "exclude each other"),
        (("count", "resnet18", "--check"), "give --all and nothing else"),
        (("count", "--all", "--write", "--input-px", "64"), "give --all and nothing else"),
        (("count", "resnet18", "--by-module", "-c", "macs"), "leave --convention out"),
        (("count", "resnet18", "--input", "3y4"), "is not a list of inputs"),
        (("count", "resnet18", "--input", "3x64x64", "--input-px", "64"), "--input describes the whole input"),
        (("count", "resnet_18"), "unknown network 'resnet_18'; did you mean"),
        (("explain", "resnet_18", "1.82G"), "did you mean"),
        (("explain", "resnet18", "many"), "not a figure"),
    ],
)
def test_a_wrong_command_ends_in_one_line_and_exit_code_2(words, complaint):
    error = run(*words).exception
    assert isinstance(error, ResbenchError)
    assert error.exit_code == ExitCode.USAGE
    assert complaint in str(error)
    assert "\n" not in str(error)


def test_an_input_that_is_too_small_for_the_network_is_refused_in_one_line():
    error = run("count", "inception_resnet_v2", "--input-px", "16").exception
    assert isinstance(error, ResbenchError)
    assert "InceptionResNet cannot take 16x16 px" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(("figure", "exit_code"), [("1.81G", 0), ("69.76%", 0), ("9.99G", 1), ("12.34%", 1)])
def test_explain_exits_with_1_when_nothing_gives_the_figure(figure, exit_code):
    assert run("explain", "resnet18", figure).exit_code == exit_code


def test_stale_counts_are_found_and_mended(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "VARIANTS", VARIANTS[:1])
    monkeypatch.setattr(counted, "PATH", tmp_path / "counted.json")
    assert run("count", "--all", "--write").exit_code == 0
    assert run("count", "--all", "--check").exit_code == 0
    counted.PATH.write_text(counted.PATH.read_text().replace("1813561344", "1813561345"))
    done = run("count", "--all", "--check")
    assert done.exit_code == ExitCode.REGRESSED
    assert "-" in done.stdout
    assert "1813561345" in done.stdout
