"""Double entry: what we count, somebody else has counted or published too.

A network's parameters and multiply-adds stand in tests/data/witnesses.yaml, with who counted them (not us, and not by
our modules). What publishers printed stands with their checkpoints in resbench/zoo/weights.py.
"""

from pathlib import Path

import pytest
import yaml

from resbench.counting.counted import counted
from resbench.zoo.variants import VARIANTS

WITNESSES = yaml.load((Path(__file__).parent / "data" / "witnesses.yaml").read_bytes(), yaml.CSafeLoader)
ENTRY = "{name}: no witness for its {what}; add to tests/data/witnesses.yaml under {name}: {fields}"


def witness(name, number, counter, what):
    entry = WITNESSES.get(name, {})
    fields = f"`{number}: <exact count>` and `{counter}: <whose counter, on whose network>`"
    assert number in entry, ENTRY.format(name=name, what=what, fields=fields)
    assert entry.get(counter), ENTRY.format(name=name, what=what, fields=fields)
    assert "resbench" not in entry[counter], f"{name}: {counter} must name somebody else than resbench"
    return entry[number]


def test_parameters_are_those_that_somebody_else_counted():
    own = {variant.name: counted(variant.name).params for variant in VARIANTS}
    assert own == {name: witness(name, "params", "counted_by", "parameters") for name in own}


def test_multiply_adds_are_those_that_somebody_else_counted():
    own = {variant.name: counted(variant.name).terms.macs for variant in VARIANTS}
    assert own == {name: witness(name, "macs", "macs_counted_by", "operations") for name in own}


def test_a_network_without_a_witness_is_told_what_to_add():
    with pytest.raises(AssertionError, match=r"resnet9000: no witness for its operations; add to .*macs_counted_by"):
        witness("resnet9000", "macs", "macs_counted_by", "operations")


def test_no_witness_speaks_of_a_network_that_is_not_there():
    assert WITNESSES.keys() <= {variant.name for variant in VARIANTS}
