"""A zoo in a file: what its rows may say, and that they are networks and checkpoints like those of the table."""

import json
import sys

import pytest
import torch
from typer.testing import CliRunner

from resbench.bench import profiles
from resbench.bench.profiling import Profiling
from resbench.cli.app import app
from resbench.cli.options import network_names
from resbench.errors import ResbenchError
from resbench.nets.build import build
from resbench.zoo.find import checkpoints, find, find_weights, match, match_weights, networks
from resbench.zoo.own import own_zoo
from resbench.zoo.printed import claimed
from resbench.zoo.variants import VARIANTS
from tests.examples import PROFILE

TOY = 'builder = "toy.py:build"\ninput_px = 16\nclasses = 10\n'
CODE = """
from torch import nn
def build(width=8, classes=10):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
"""

FIXED = """
from torch import nn
def build():
    net = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(3 * 4 * 4, 10))
    net.input_px = 16
    return net
"""


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESBENCH_ZOO", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "toy.py").write_text(CODE)


def zoo(tmp_path, text, name="resbench.toml"):
    (tmp_path / name).write_text(text)


def run(*words):
    return CliRunner().invoke(app, list(words))


def shown(*words):
    result = run(*words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_without_a_file_there_is_the_shipped_table_alone():
    assert networks() == VARIANTS


def test_rows_are_found_by_name_pattern_and_checkpoint_like_those_of_the_table(tmp_path):
    row = '[checkpoints.toy_a]\nnetwork = "toy"\nfile = "a.pth"\nlicense = "mit"\n'
    zoo(tmp_path, f"[networks.toy]\n{TOY}{row}[check]\nlatency = 0.1\n")
    assert find("toy") is find("toy_a")
    assert [variant.name for variant in match(["to*", "resnet18"])] == ["resnet18", "toy"]
    assert [weights.name for weights in match_weights(["toy"])] == ["toy_a"]
    assert checkpoints("toy")[0].path == str(tmp_path / "a.pth")
    assert checkpoints("toy")[0].preprocess.crop_px == 16
    assert "did you mean toy" in str(run("count", "toyy").exception)


def test_the_nearest_file_counts_and_its_paths_begin_beside_it(tmp_path, monkeypatch):
    zoo(tmp_path, f"[networks.toy]\n{TOY}")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    zoo(inner, "[check]\nlatency = 0.2\n")
    monkeypatch.chdir(inner)
    assert build(find("toy"))[0].out_channels == 8


def test_another_file_is_named_by_the_option_zoo(tmp_path, monkeypatch):
    monkeypatch.setenv("RESBENCH_ZOO", "")  # restored when the test ends
    (tmp_path / "models").mkdir()
    zoo(
        tmp_path,
        '[networks.wide]\nbuilder = "../toy.py:build(width=16)"\ninput_px = 16\nclasses = 10\n',
        "models/z.toml",
    )
    row = json.loads(shown("--zoo", "models/z.toml", "count", "wide", "--json"))
    assert "16" in json.dumps(row)
    assert own_zoo().path == tmp_path / "models" / "z.toml"
    assert "nothing.toml: No such file" in str(run("--zoo", "nothing.toml", "list").exception)


def test_a_row_may_be_built_by_another_row_or_by_the_shipped_table_with_its_own_head(tmp_path):
    rows = f'[networks.toy]\n{TOY}[networks.toy_twin]\nbuilder = "toy"\ninput_px = 16\nclasses = 3\n'
    zoo(tmp_path, rows + '[networks.flowers]\nbuilder = "resnet18"\ninput_px = 64\nclasses = 102\n')
    counts = {
        row["network"]: row["counts"]["params"] for row in json.loads(shown("count", "toy_twin", "flowers", "--json"))
    }
    assert counts == {"toy_twin": 8 * 27 + 8 + 8 * 3 + 3, "flowers": 11_689_512 - 513 * (1000 - 102)}


SIZE = "input_px = 16\nclasses = 1\n"
CYCLE = f'[networks.a]\nbuilder = "b"\n{SIZE}[networks.b]\nbuilder = "a"\n{SIZE}'
CLAIM = '{metric = "top1", value = "0.7", source = "s"}'
WRONG = [
    (
        '[networks.toy]\nbuidler = "toy.py:build"\ninput_px = 16\nclasses = 10\n',
        "unknown key 'buidler'; did you mean builder?",
    ),
    ('[networks.toy]\nbuilder = "toy.py:build"\nclasses = 10\n', "missing required field `input_px`"),
    ('[networks.toy]\nbuilder = "toy.py:build"\ninput_px = "16"\nclasses = 10\n', "Expected `int`, got `str`"),
    ('[networks.toy]\nbuilder = "toy.py:build"\ninput_px = 16\nclasses = 0\n', "Expected `int` >= 1"),
    (
        '[networks.toy]\nbuilder = "toy.py:build(a=f())"\ninput_px = 16\nclasses = 1\n',
        "builder: toy.py:build(a=f()): arguments",
    ),
    (
        '[networks.toy]\nbuilder = "resnet19"\ninput_px = 16\nclasses = 1\n',
        "builder 'resnet19' is not a network; did you mean",
    ),
    (
        CYCLE,
        "builds itself: a -> b -> a",
    ),
    (f"[networks.resnet50]\n{TOY}", "[networks.resnet50]: resbench has one of this name; rename it"),
    (f'[networks."mine.py:build"]\n{TOY}', "a name has letters, digits, dots, _ and - only"),
    (f"[networks.toy]\n{TOY}[networks.toy]\n{TOY}", "not TOML"),
    (f"[network.toy]\n{TOY}[networks.toy]\n{TOY}", "'network' is an unknown key here"),
    (f'[networks.toy]\n{TOY}paper = {{titel = "x"}}\n', "unknown key 'titel' of paper"),
    (
        f'[networks.toy]\n{TOY}[checkpoints.x]\nnetwork = "toyy"\nfile = "a"\n',
        "unknown network 'toyy'; did you mean toy?",
    ),
    (f'[networks.toy]\n{TOY}[checkpoints.x]\nnetwork = "toy"\n', "give either file or url"),
    (f'[networks.toy]\n{TOY}[checkpoints.x]\nnetwork = "toy"\nurl = "ftp://x/a.pth"\n', "url begins with https://"),
    (
        f'[networks.toy]\n{TOY}[checkpoints.x]\nnetwork = "toy"\nfile = "a"\nsha256 = "XYZ"\n',
        "sha256 is 8 to 64 hexadecimal digits",
    ),
    (
        f'[networks.toy]\n{TOY}[checkpoints.x]\nnetwork = "toy"\nfile = "a"\npreprocess = {{crop = 3}}\n',
        "unknown key 'crop' of preprocess",
    ),
    (
        f'[networks.toy]\n{TOY}[checkpoints.x]\nnetwork = "toy"\nfile = "a"\nclaims = [{CLAIM}]\n',
        "top1: '0.7' is not a figure",
    ),
    (
        f'[networks.toy]\n{TOY}[checkpoints.toy2]\nnetwork = "resnet18"\nfile = "a"\n[networks.toy2]\n{TOY}',
        "a network and a checkpoint of another",
    ),
    ("networks = 3\n", "networks is not a table"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_row_that_is_not_right_is_one_line_that_names_it(tmp_path, text, message):
    zoo(tmp_path, text)
    with pytest.raises(ResbenchError) as raised:
        own_zoo()
    assert message in str(raised.value)
    assert str(raised.value).startswith("resbench.toml: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("metric", "text", "value", "quantum"),
    [
        ("params", "25.56M", 25_560_000, 10_000),
        ("params", 25_557_032, 25_557_032, 1),
        ("flops", "4.1 G", 4_100_000_000, 100_000_000),
        ("file_size", "102.5 MB", 102_500_000, 100_000),
        ("file_size", "44.661 MiB", 44.661 * 2**20, 0.001 * 2**20),
        ("params", "1.2B", 1_200_000_000, 100_000_000),
        ("top1", "76.13 %", 0.7613, 0.0001),
    ],
)
def test_a_figure_is_read_as_it_was_printed(metric, text, value, quantum):
    assert claimed(metric, text) == pytest.approx((value, quantum))


BROKEN = '[networks.toy_broken]\nbuilder = "toy.py:nothing"\ninput_px = 16\nclasses = 10\n'


def test_a_row_that_cannot_be_built_is_one_line_and_the_others_are_counted_and_profiled(tmp_path, monkeypatch):
    zoo(tmp_path, f"{BROKEN}[networks.toy]\n{TOY}")
    result = run("count", "toy*", "--json")
    assert (result.exit_code, [row["network"] for row in json.loads(result.stdout)]) == (2, ["toy"])
    reason = "toy.py:nothing: toy.py has no 'nothing'; it has build"
    assert result.stderr == f"resbench: toy_broken: {reason}\n"
    with pytest.raises(ResbenchError, match="has no 'nothing'"):
        CliRunner().invoke(app, ["count", "toy_broken"], catch_exceptions=False)
    monkeypatch.setattr(profiles.fresh, "call", lambda *_: PROFILE)
    outcomes = profiles.profile_each(match(["toy*"]), Profiling())
    assert [(row.network, str(row.error or "")) for row in outcomes] == [("toy_broken", reason), (PROFILE.network, "")]


def test_a_shape_that_a_network_does_not_take_is_noted_where_a_convention_counts_at_it(tmp_path):
    (tmp_path / "toy.py").write_text(FIXED)
    names = ("macs", "timm-card")
    (row,) = json.loads(shown("count", "toy.py:build", "-c", names[0], "-c", names[1], "--json"))
    assert [(entry["convention"], entry["value"]) for entry in row["operations"]] == [
        ("macs", 10 * 3 * 4 * 4),
        ("timm-card", None),
    ]
    assert row["operations"][1]["note"] == "the network does not take this input"


def test_lint_takes_a_bare_number_for_a_count_where_the_network_is_that_small(tmp_path):
    shown("zoo", "new", "toy.py:build", "--name", "toy")
    card = tmp_path / "card.md"
    card.write_text(f"| Model | Params |\n|---|---|\n| toy | {8 * 27 + 8 + 90} |\n")
    assert "T001 toy: parameters 314: true, exact" in shown("lint", "card.md")
    card.write_text(card.read_text().replace("| 314 |", "| 26 |"))
    result = run("lint", "card.md")
    assert (result.exit_code, "T003" in result.stdout) == (1, False)
    assert "parameters 26: false, toy has 314" in result.stdout
    card.write_text(card.read_text().replace("| toy | 26 |", "| resnet20_cifar10 | 27 |"))
    assert "T003 resnet20_cifar10: parameters 27: no unit; millions or billions?" in run("lint", "card.md").stdout


def test_zoo_check_verifies_builds_counts_files_and_claims_and_list_shows_the_counts(tmp_path):
    torch.manual_seed(0)
    claims = '[{metric = "params", value = "314", source = "s"}, {metric = "top1", value = "99.9 %", source = "s"}]'
    row = f'[checkpoints.toy_a]\nnetwork = "toy"\nfile = "a.pth"\nlicense = "mit"\nclaims = {claims}\n'
    zoo(tmp_path, f"[networks.toy]\n{TOY}{row}")
    torch.save(build(find("toy")).state_dict(), tmp_path / "a.pth")

    def verdicts(*words):
        result = run("zoo", "check", "--json", *words)
        return result.exit_code, {(one["row"], one["what"]): one["holds"] for one in json.loads(result.stdout)}

    toy, file = "networks.toy", "checkpoints.toy_a"
    expected = {(toy, "builds"): True, (file, "file"): True, (file, "params"): True, (file, "top1"): None}
    assert verdicts() == (1, expected | {(toy, "counts"): False})
    assert json.loads(shown("list", "toy", "--json"))[0]["params"] is None
    assert verdicts("--write") == (0, expected)
    assert json.loads(shown("list", "toy", "--json"))[0]["params"] == 8 * 27 + 8 + 90
    (tmp_path / "toy.py").write_text(CODE.replace("width=8", "width=9"))
    assert json.loads(shown("list", "toy", "--json"))[0]["params"] is None  # of an older file
    zoo(tmp_path, f"[networks.toy]\n{TOY}{row}{BROKEN}")
    code, found = verdicts()
    assert code == 1
    assert [found[key] for key in ((toy, "counts"), (file, "file"), ("networks.toy_broken", "builds"))] == [False] * 3


def test_zoo_new_writes_a_row_that_check_accepts_and_refuses_a_name_that_is_taken(tmp_path):
    zoo(tmp_path, "[check]\nlatency = 0.1\n")
    (tmp_path / "toy.py").write_text(CODE.replace("return ", "net = ") + "    net.input_px = 24\n    return net\n")
    shown("zoo", "new", "toy.py:build(width=4)")
    assert (find("toy").input_px, find("toy").classes, find("toy").builder) == (24, 10, "toy.py:build(width=4)")
    assert json.loads(shown("list", "toy", "--json"))[0]["params"] == 4 * 27 + 4 + 50
    assert run("zoo", "check").exit_code == 0
    assert "has a network toy already; give another --name" in str(run("zoo", "new", "toy.py:build").exception)
    before = (tmp_path / "resbench.toml").read_text()
    assert "resbench has one of this name" in str(run("zoo", "new", "toy.py:build", "--name", "resnet50").exception)
    assert (tmp_path / "resbench.toml").read_text() == before
    assert "toy.py:gone" in str(run("zoo", "new", "toy.py:gone").exception)


def test_a_checkpoint_whose_file_is_not_there_or_another_is_one_line(tmp_path):
    row = '[checkpoints.toy_a]\nnetwork = "toy"\nfile = "a.pth"\nsha256 = "00000000"\n'
    zoo(tmp_path, f"[networks.toy]\n{TOY}{row}")
    assert find_weights("toy_a").location == "a.pth"
    assert "no such file; correct `file` in its row" in str(run("weights", "path", "toy_a").exception)
    torch.save(build(find("toy")).state_dict(), tmp_path / "a.pth")
    assert "not the published toy_a: its SHA-256 begins with" in str(
        run("profile", "toy", "--weights", "toy_a").exception
    )


def test_the_shell_completes_own_names_and_says_nothing_of_a_broken_file(tmp_path):
    zoo(tmp_path, f'[networks.toy]\n{TOY}[checkpoints.toy_a]\nnetwork = "toy"\nfile = "a.pth"\n')
    assert network_names("to") == ["toy", "toy_a"]
    zoo(tmp_path, "[networks.toy]\nx = 1\n")
    assert network_names("to") == []


def test_weights_of_an_own_network_are_verified_and_converted_and_its_figures_explained(tmp_path):
    torch.save(build(find("toy.py:build(width=64)")).state_dict(), tmp_path / "a.pth")
    own = ["--network", "toy.py:build(width=64)"]
    assert json.loads(shown("weights", "verify", "a.pth", *own, "--json"))["networks"] == ["toy.py:build(width=64)"]
    shown("weights", "convert", "a.pth", *own)
    assert (tmp_path / "a.safetensors").exists()
    assert "not a checkpoint of toy.py:build" in str(
        run("weights", "verify", "a.pth", "--network", "toy.py:build").exception
    )
    macs = 64 * 27 * 222 * 222 + 640  # 3x3 without padding, at 224 px
    assert "macs" in shown("explain", "toy.py:build(width=64)", str(macs))
