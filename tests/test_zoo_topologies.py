"""Networks of the package's own blocks by their arithmetic, and the shipped table written as such rows."""

import json
import re
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.nets.build import build
from resbench.nets.structure import structure_sha256
from resbench.zoo.find import find, find_weights
from resbench.zoo.own import own_zoo
from resbench.zoo.spec import Block, Preprocess, ResNetSpec
from resbench.zoo.topologies import TOPOLOGIES, spec_of
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import WEIGHTS


def given(value):
    """Return the fields of a dataclass that differ from its defaults."""
    return {own.name: held for own in fields(value) if (held := getattr(value, own.name)) != own.default}


def toml(value):
    """Return plain values as TOML writes them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(held)}" for key, held in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def table(heading, row):
    return "".join([f"[{heading}]\n", *(f"{key} = {toml(value)}\n" for key, value in row.items())])


def network_row(variant):
    topology = next(name for name, kind in TOPOLOGIES.items() if type(variant.spec) is kind)
    arguments = ", ".join(f"{key}={value!r}" for key, value in given(variant.spec).items())
    return {
        "builder": f"resbench:{topology}({arguments})",
        "input_px": variant.input_px,
        "classes": variant.classes,
        "family": variant.family,
        "about": variant.about,
        "paper": {"title": variant.paper.title, "url": variant.paper.url, "bibtex": variant.paper.bibtex},
    }


def printed(claim):
    """Return the fields that say a claim's value: text with as many digits as its quantum has."""
    if claim.value % claim.quantum and claim.metric == "params":  # 66,819,999, rounded to ten-thousands
        return {"value": int(claim.value), "quantum": int(claim.quantum)}
    if claim.quantum == 1:
        return {"value": int(claim.value)}
    value, step, unit = Decimal(repr(claim.value)), Decimal(repr(claim.quantum)), ""
    if claim.metric in ("top1", "top5"):
        value, step, unit = value * 100, step * 100, " %"
    elif claim.quantum == 2**20 / 1000:  # a thousandth of a MiB, as torchvision has it
        value, step, unit = value / 2**20, step / 2**20, " MiB"
    elif claim.quantum > 1:
        value, step, unit = value / 10**9, step / 10**9, " GB" if claim.metric == "file_size" else " G"
    return {"value": f"{value.quantize(step.normalize())}{unit}"}


def checkpoint_row(weights):
    kept = ("url", "license", "dataset", "collection", "code", "caveat", "aliases")
    return {
        "network": f"own_{weights.network}",
        "sha256": weights.sha256_prefix,
        **{key: getattr(weights, key) for key in kept},
        "aliases": [f"own_{alias}" for alias in weights.aliases],
        "preprocess": {own.name: getattr(weights.preprocess, own.name) for own in fields(Preprocess)},
        "claims": [
            {"metric": claim.metric, "source": claim.source}
            | printed(claim)
            | {key: value for key in ("convention", "input_px", "error") if (value := getattr(claim, key))}
            for claim in weights.claims
        ],
    }


def test_every_row_of_the_shipped_table_can_be_written_in_a_zoo_and_is_read_as_the_same(tmp_path, monkeypatch):
    networks = [table(f"networks.own_{variant.name}", network_row(variant)) for variant in VARIANTS]
    checkpoints = [table(f'checkpoints."own_{weights.name}"', checkpoint_row(weights)) for weights in WEIGHTS]
    (tmp_path / "resbench.toml").write_text("\n".join([*networks, *checkpoints]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESBENCH_ZOO", raising=False)
    zoo = own_zoo()
    for own, variant in zip(zoo.networks, VARIANTS, strict=True):
        assert replace(own, name=variant.name, builder="") == variant
    for own, weights in zip(zoo.checkpoints, WEIGHTS, strict=True):
        assert len(own.claims) == len(weights.claims), weights.name
        for read, claim in zip(own.claims, weights.claims, strict=True):
            assert (read.value, read.quantum) == pytest.approx((claim.value, claim.quantum), rel=1e-12), weights.name
            assert replace(read, value=claim.value, quantum=claim.quantum) == claim, weights.name
        same = {"name": weights.name, "network": weights.network, "aliases": weights.aliases, "source": weights.source}
        assert replace(own, claims=weights.claims, **same) == weights, weights.name
        assert own.aliases == tuple(f"own_{alias}" for alias in weights.aliases)
    assert find_weights("own_resnet26.bt_in1k") is zoo.checkpoints[[one.name for one in WEIGHTS].index("resnet26")]


def shown(*words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_a_network_by_its_arithmetic_is_counted_like_the_row_of_the_table():
    """resnet50 has 25,557,032 parameters; with stages of 3, 3, 3, 3 blocks it is a network of 38 layers."""
    (row,) = json.loads(shown("count", 'resbench:resnet(block="bottleneck", depths=[3, 4, 6, 3])', "--json"))
    assert row["counts"]["params"] == 25_557_032
    assert row["network"] == "resbench:resnet(block='bottleneck', depths=[3, 4, 6, 3])"
    # A block of the second stage has 280,064 parameters, one of the third 1,117,184 (torchvision's resnet50, by name).
    (row,) = json.loads(shown("count", 'resbench:resnet(block="bottleneck", depths=[3, 3, 3, 3])', "--json"))
    assert row["counts"]["params"] == 25_557_032 - 280_064 - 3 * 1_117_184
    small = 'resbench:resnet(block="basic", depths=[3, 3, 3], stem="conv3", planes=16)'
    (row,) = json.loads(shown("count", small, "--input-px", "32", "--classes", "10", "--json"))
    assert row["counts"]["params"] == 272_474  # resnet20 of He et al. 2015 with projections (option B): 269,722 + 2,752


def test_the_order_of_arguments_does_not_make_another_network():
    first, second = (
        find(f"resbench:resnet({text})") for text in ("depths=[2], block='basic'", "block='basic',depths=(2,)")
    )
    assert first.spec == second.spec
    assert first.name == "resbench:resnet(block='basic', depths=[2])"


OTHERS = {
    "groups": 2,
    "width_per_group": 32,
    "stem": "deep",
    "shortcut": "avg_pool",
    "stride_on": "1x1",
    "squeeze": "se",
    "anti_alias": True,
    "splits": 2,
}


@pytest.mark.parametrize("block", get_args(Block))
def test_an_argument_that_changes_nothing_is_refused_and_every_other_makes_another_network(block):
    base = {"block": block, "depths": [1, 1]} | ({"splits": 4} if block == "res2net" else {})

    def structure(arguments):
        variant = replace(VARIANTS[0], name="own", spec=ResNetSpec(**arguments))
        return structure_sha256(build(variant, device="meta"), (64, 64))

    plain = structure(base)
    for name, value in OTHERS.items():
        try:
            spec_of("resnet", base | {name: value})
        except ValueError as error:
            assert str(error) == f"{name}: has no use in block {block!r}; leave it out"  # noqa: PT017
            if (block, name) != ("senet", "anti_alias"):  # it has no blur, and the stride of its shortcut would stay
                assert structure(base | {name: value}) == plain, name
        else:
            assert structure(base | {name: value}) != plain, name


WRONG = [
    ("resnet50()", "unknown topology 'resnet50'; did you mean resnet, resnet_v2?"),
    ("resnet", "Object missing required field `block`"),
    ("resnet('basic')", "arguments have names"),
    ("resnet(block='basic', depth=[2])", "unknown argument 'depth'; did you mean depths?"),
    ("resnet(block='bsic', depths=[2])", "Invalid enum value 'bsic' - at `$.block`"),
    ("resnet(block='basic', depths=2)", "Expected `array`, got `int` - at `$.depths`"),
    ("resnet(block='basic', depths=[])", "depths: has 0 stages; give 1 to 4"),
    ("resnet(block='basic', depths=[1, 1, 1, 1, 1])", "depths: has 5 stages; give 1 to 4"),
    ("resnet(block='basic', depths=[0, 1])", "numbers are 1 to 4096"),
    ("resnet(block='basic', depths=[100000000])", "numbers are 1 to 4096"),
    ("resnet(block='basic', depths=[2], splits=2)", "splits: has no use in block 'basic'; leave it out"),
    (
        "resnet(block='bottleneck', depths=[2], planes=1, width_per_group=4)",
        "width_per_group: leave less than one channel",
    ),
    ("resnet_v2(block='basic', depths=[1, 1])", "Expected `array` of length 4, got 2"),
    ("resnet(block=open('x'), depths=[2])", "arguments are plain values"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_arithmetic_that_is_not_right_is_one_line_that_names_it(text, message):
    with pytest.raises(ResbenchError) as raised:
        find(f"resbench:{text}")
    assert message in str(raised.value).replace("resbench:" + text, "")
    assert "\n" not in str(raised.value)


def test_channels_that_do_not_fit_together_are_one_line():
    with pytest.raises(ResbenchError, match=r"cannot be built: .* divisible by groups"):
        build("resbench:resnet(block='senet', depths=[1], groups=32, width_per_group=1)")


def test_the_page_names_every_argument_and_every_word_of_the_topologies():
    page = (Path(__file__).parents[1] / "docs" / "networks.md").read_text(encoding="utf-8")
    for topology, kind in TOPOLOGIES.items():
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{topology}` |"))
        assert {own.name for own in fields(kind)} == set(re.findall(r"`(\w+)`", line)) - {topology}
        hints = get_type_hints(kind)
        assert set(re.findall(r'"(\w+)"', line)) == {word for hint in hints.values() for word in words_of(hint)}


def words_of(hint):
    return [word for part in (hint, *get_args(hint)) for word in get_args(part) if isinstance(word, str)]
