"""Networks by where they live: what may be named, what building them may do, and what a record keeps of them."""

import json
import os
import sys
import textwrap
from dataclasses import replace

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import resbench
from resbench.bench import measuring
from resbench.bench.entrance import entered, origin_of
from resbench.bench.profiling import profile
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging.compare import compare
from resbench.judging.finding import Verdict
from resbench.nets.build import build
from resbench.records.jsonio import dumps
from resbench.records.store import safe_name
from resbench.running import fresh
from resbench.zoo.find import find
from resbench.zoo.places import arguments_of
from tests.examples import EVALUATION

HEAD = "import torch\nfrom torch import nn\n"
NET = """
class Net(nn.Module):
    def __init__(self, width=4, classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, classes)
    def logits(self, x):
        return self.fc(self.norm(self.conv(x)).relu().mean((2, 3)))
    def forward(self, x):
        return self.logits(x)
    input_px = 16
"""


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch, few_samples):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(measuring, "_ceilings", lambda *_: None)  # they take seconds, and say nothing of a network


def write(tmp_path, text, name="mine.py"):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(HEAD + NET + textwrap.dedent(text), encoding="utf-8")


def run(*words):
    return CliRunner().invoke(app, list(words))


def refusal(name):
    with pytest.raises(ResbenchError) as raised:
        entered(name)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "place", "builder", "arguments"),
    [
        ("./nets/mine.py:build", "nets/mine.py", "build", ([], {})),
        ("mine.py:make.small( 'x', width = 2)", "mine.py", "make.small", (["x"], {"width": 2})),
        ("a.b:Net(depths=[2, 2], on=True)", "a.b", "Net", ([], {"depths": [2, 2], "on": True})),
        ("timm:resnet50.a1_in1k(pretrained=True)", "timm", "resnet50.a1_in1k", ([], {"pretrained": True})),
    ],
)
def test_a_name_is_taken_apart_and_its_arguments_are_literals(name, place, builder, arguments):
    spec = find(name).spec
    assert (spec.place, spec.name, arguments_of(spec)) == (place, builder, arguments)


def test_equal_arguments_give_one_name():
    assert find("mine.py:build(b=1,a='x')").name == find("./mine.py:build(a = 'x', b = 1)").name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.py:build(width=open('x'))", "arguments are plain values such as (width=2)"),
        ("mine.py:build(*[1])", "arguments are plain values"),
        ("mine.py:build(width=2", "not the place of a network"),
        ("mine.py:", "no function or class given; name one"),
        ("a/b:build", "'a/b' is neither a .py file nor a module nor a library"),
        (f"mine.py:build({'(' * 1000}{')' * 1000})", "arguments are plain values"),
        ("mine.py", "unknown network 'mine.py'"),
    ],
)
def test_what_is_no_place_is_one_line_and_nothing_runs(name, message, tmp_path):
    write(tmp_path, "raise SystemExit('ran')")
    with pytest.raises(ResbenchError) as raised:
        find(name)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_a_module_and_a_class_are_the_network_that_torch_builds(tmp_path):
    write(tmp_path, "def build(width=4):\n    return Net(width)\n", "package_of_mine/inside.py")
    by_hand = 4 * 3 * 9 + 4 + 2 * 4 + 4 * 10 + 10
    for name in ("package_of_mine/inside.py:build", "package_of_mine.inside:Net", "package_of_mine.inside:build(4)"):
        network = entered(name)
        counts = resbench.count(name)
        assert (network.input_px, network.classes, counts.params) == (16, 10, by_hand)
        assert counts.terms.macs == 16 * 16 * 4 * 27 + 40
        assert not build(network).training


def test_a_file_imports_its_neighbours_and_is_read_again_when_it_changes(tmp_path):
    (tmp_path / "widths_beside.py").write_text("WIDTH = 5\n")
    write(tmp_path, "from widths_beside import WIDTH\ndef build():\n    return Net(WIDTH)\n", "nets/../mine.py")
    assert build(find("mine.py:build")).conv.out_channels == 5
    write(tmp_path, "def build():\n    return Net(6)\n")
    assert build(find("mine.py:build")).conv.out_channels == 6


def test_an_edit_that_leaves_the_length_is_seen_in_the_same_second(tmp_path):
    for width in (5, 6):
        write(tmp_path, f"def build():\n    return Net({width})\n")
        os.utime(tmp_path / "mine.py", (10**9, 10**9))
        assert build(find("mine.py:build")).conv.out_channels == width


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def build():\n    raise KeyError('no such file')", "raised KeyError: 'no such file' (mine.py, line"),
        ("def build():\n    return {'a': 1}", "builds a dict, not a torch.nn.Module; return the module"),
        ("def build(width):\n    return Net(width)", "missing a required argument: 'width'; give its arguments"),
        ("def build():\n    return nn.Identity()", "has no parameters, so there is nothing to measure"),
        ("def build():\n    import sys; sys.exit(3)", "raised SystemExit: 3"),
        ("build = 3", "build is an int; name a function or class"),
        ("def built():\n    return Net()", "mine.py has no 'build'; it has Net, built"),
        ("import no_such_module_of_mine", "needs the module no_such_module_of_mine, which is not installed"),
        ("1 / 0", "importing mine.py failed: raised ZeroDivisionError"),
        ("def build(:", "importing mine.py failed: raised SyntaxError"),
    ],
)
def test_a_builder_that_fails_is_one_line(tmp_path, code, message):
    write(tmp_path, code)
    assert message in refusal("mine.py:build")


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("raise ValueError('too small')", "cannot run on one image of 3x16x16 (ValueError: too small)"),
        ("return None", "returns NoneType without a tensor of shape (N, classes)"),
        ("return {'a': 1}", "returns dict without a tensor of shape (N, classes)"),
        ("return self.logits(x)[0]", "returns a tensor of shape (10,), not (N, classes)"),
    ],
)
def test_a_forward_pass_that_gives_no_logits_is_one_line(tmp_path, forward, message):
    write(tmp_path, f"class Mine(Net):\n    def forward(self, x):\n        {forward}\n")
    assert message in refusal("mine.py:Mine")


@pytest.mark.parametrize(
    "forward",
    ["return {'features': x, 'logits': self.logits(x)}", "return self.logits(x), x", "return [self.logits(x)]"],
)
def test_logits_are_found_in_what_a_network_returns(tmp_path, forward):
    write(tmp_path, f"class Mine(Net):\n    def forward(self, x):\n        {forward}\n")
    network = entered("mine.py:Mine")
    assert network.classes == 10
    assert build(network)(torch.zeros(2, 3, 16, 16)).shape == (2, 10)


def test_a_network_that_reads_its_image_is_counted_on_the_cpu(tmp_path):
    code = "if x.sum() > 1e9:\n            x = self.conv(x)\n        return self.logits(x)"
    write(tmp_path, f"class Mine(Net):\n    def forward(self, x):\n        {code}\n")
    assert resbench.count("mine.py:Mine").terms == resbench.count("mine.py:Net").terms


def test_what_a_builder_changes_in_torch_is_restored_and_said(tmp_path, caplog, capsys):
    code = """
    def build():
        print("building")
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.set_default_dtype(torch.float64)
        torch.set_float32_matmul_precision("high")
        torch.set_grad_enabled(False)
        return Net().double().train()
    """
    write(tmp_path, code)
    before = torch.get_num_threads(), torch.get_default_dtype(), torch.get_float32_matmul_precision()
    module = build(find("mine.py:build"))
    assert (torch.get_num_threads(), torch.get_default_dtype(), torch.get_float32_matmul_precision()) == before
    assert torch.is_grad_enabled()
    assert (module.training, module.fc.weight.dtype) == (False, torch.float32)
    assert capsys.readouterr() == ("", "building\n")
    for what in ("the number of threads", "the default type of tensors", "precision of matrix products", "gradients"):
        assert any(what in line and "restored" in line for line in caplog.messages), what


def test_a_name_of_a_place_gives_a_safe_folder_and_no_two_share_one():
    assert safe_name("timm:resnet50") == "timm-resnet50"
    names = [
        "nets/mine.py:build",
        "nets-mine.py:build",
        "../mine.py:b(1)",
        "../mine.py:b(-1)",
        "x.py:b('/')" + "y" * 300,
    ]
    folders = [safe_name(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(len(folder) < 120 and not set(folder) & set("/\\:()' ") for folder in folders)


def test_a_structure_is_the_same_in_another_file_and_another_with_another_stride(tmp_path):
    write(tmp_path, "")
    write(tmp_path, "# another comment", "other.py")
    origins = {}
    for name, change in (("mine.py", ""), ("other.py", ""), ("strided.py", "stride=2, ")):
        if change:
            text = (HEAD + NET).replace("3, padding", f"3, {change}padding").replace(".relu()", ".relu()")
            (tmp_path / name).write_text(text)
        network = entered(f"{name}:Net")
        origins[name] = origin_of(network, (16, 16))
    assert origins["mine.py"].structure_sha256 == origins["other.py"].structure_sha256
    assert origins["mine.py"].source_sha256 != origins["other.py"].source_sha256
    assert origins["mine.py"].structure_sha256 != origins["strided.py"].structure_sha256


def quick(network, **options):
    return profile(network, device="cpu", threads=1, batch_sizes=[1], time_budget_s=0.01, **options)


@pytest.fixture
def _no_memory(monkeypatch):
    monkeypatch.setattr(fresh, "call", lambda *words, **named: resbench.records.record.Memory(batch_size=1))


@pytest.mark.usefixtures("_no_memory")
def test_check_calls_an_edited_network_another_one_and_compares_an_equal_one(tmp_path):
    write(tmp_path, "def build():\n    return Net()\n")
    before = quick("mine.py:build")
    write(tmp_path, "def build():  # edited\n    return Net()\n")
    same = quick("mine.py:build")
    write(tmp_path, "def build():\n    return Net(width=5)\n")
    after = quick("mine.py:build")
    assert before.origin.place == "mine.py:build"
    assert all(
        one.verdict is not Verdict.NOT_COMPARABLE for one in compare(before, same, "a") if one.metric == "params"
    )
    (finding,) = compare(before, after, "a")
    assert finding.verdict is Verdict.NOT_COMPARABLE
    assert "another network of the same name (structure" in finding.why


@pytest.mark.usefixtures("_no_memory")
def test_a_module_from_python_is_profiled_with_its_own_weights_and_stays_as_it_was():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(7))
    module(torch.zeros(1, 3, 8, 8))
    record = quick(module, name="mine", input_px=8)
    assert (record.network, record.counts.params) == ("mine", 4 * 27 + 4 + 8 + 144 * 7 + 7)
    assert record.origin.place == ""
    assert module.training
    assert module[1].num_batches_tracked == 1


def test_no_command_on_records_or_tables_runs_what_a_record_or_a_zoo_names(tmp_path):
    write(tmp_path, "import pathlib; pathlib.Path('ran').touch()\ndef build():\n    return Net()\n")
    assert run("count", "mine.py:build", "--json").exit_code == 0
    (tmp_path / "ran").unlink()
    (tmp_path / "resbench.toml").write_text('[networks.toy]\nbuilder = "mine.py:build"\ninput_px = 16\nclasses = 10\n')
    card = "| Model | Params(M) | Top-1 (%) |\n| --- | --- | --- |\n| toy | 0.1 | 70 |\n| mine.py:build | 1 | 2 |\n"
    (tmp_path / "card.md").write_text(card)
    folder = tmp_path / "results" / "m" / "n"
    folder.mkdir(parents=True)
    (folder / "evaluation-a.json").write_text(dumps(replace(EVALUATION, network="mine.py:build")))
    of_records = [
        ["check", "results", "--against", "results"],
        ["results", "results"],
        ["compare", "results", "resnet18"],
    ]
    of_tables = [["list"], ["list", "toy", "--json"], ["weights", "list"], ["lint", "card.md"], ["zoo", "--help"]]
    for words in (*of_tables, *of_records, ["card", "--check"], ["history", "results"], ["stats", "results"]):
        run(*words)
        assert not (tmp_path / "ran").exists(), words
    assert json.loads(run("list", "toy", "--json").stdout)[0]["params"] is None
