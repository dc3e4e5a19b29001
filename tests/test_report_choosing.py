"""Rows chosen and ordered: by condition, by machine, the best of each group, the Pareto front."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resbench import environment
from resbench.bench.columns import RECORD_COLUMNS
from resbench.errors import ResbenchError
from resbench.records.store import device_folder
from resbench.report.choosing import RowChoice, chosen_rows
from resbench.report.where import UNKNOWN, condition

HERE = device_folder("cpu", environment.cpu_model(), environment.cpu_cores())


def row(network, latency_ms=None, top1=None, images_per_s=None, machine="cpu-example-2c"):
    known = {"network": network, "latency_ms": latency_ms, "top1": top1, "images_per_s": images_per_s}
    return dict.fromkeys(RECORD_COLUMNS) | known | {"machine": machine, "device": "Example CPU"}


ROWS = [
    row("a", 10.0, 75.0, 50.0),
    row("b", 20.0, 80.0, 40.0),
    row("a", 5.0, 75.0, 90.0, "cuda-example"),
    row("c", None, 79.0),
    row("d", 30.0, 70.0, 60.0, HERE),
]


def chosen(**choice):
    found = chosen_rows(ROWS, RECORD_COLUMNS, RowChoice(**choice))
    return [(found_row["network"], found_row["latency_ms"]) for found_row in found]


def test_conditions_and_order():
    assert chosen(where="latency_ms < 25 and top1 > 74") == [("a", 10.0), ("b", 20.0), ("a", 5.0)]
    assert chosen(where="top1 > 74", sort="latency_ms") == [("a", 5.0), ("a", 10.0), ("b", 20.0), ("c", None)]
    assert chosen(sort="latency_ms", descending=True)[-1] == ("c", None)


def test_a_machine_is_this_one_or_fits_a_pattern_by_folder_or_device():
    assert chosen(machine="here") == [("d", 30.0)]
    assert chosen(machine="CUDA-*") == [("a", 5.0)]
    assert len(chosen(machine="example cpu")) == len(ROWS)
    with pytest.raises(ResbenchError, match=r"--machine tpu: no records of it; there are some of .*, cuda-example"):
        chosen(machine="tpu")


def test_the_best_of_each_network_is_that_with_the_best_value_of_the_column_to_sort_by():
    assert chosen(best_per="network") == [("a", 5.0), ("b", 20.0), ("c", None), ("d", 30.0)]
    assert chosen(best_per="network", where="machine != 'cuda-example'")[0] == ("a", 10.0)
    assert chosen(best_per="network", sort="images_per_s", descending=True)[0] == ("a", 5.0)
    with pytest.raises(ResbenchError, match="sort by a number"):
        chosen(best_per="network", sort="machine")


def test_the_front_is_what_no_other_row_beats():
    assert chosen(pareto="top1,images_per_s") == [("b", 20.0), ("a", 5.0)]
    assert chosen(pareto="latency_ms") == [("a", 5.0)]
    with pytest.raises(ResbenchError, match="device is neither better high nor better low; choose from"):
        chosen(pareto="top1,device")


_VALUES = st.one_of(st.none(), st.integers(1, 6).map(float))


@given(st.lists(st.tuples(_VALUES, _VALUES, _VALUES), max_size=12))
def test_the_front_is_what_its_definition_says(values):
    rows = [row(str(index), *three) for index, three in enumerate(values)]
    found = {
        one["network"] for one in chosen_rows(rows, RECORD_COLUMNS, RowChoice(pareto="latency_ms,top1,images_per_s"))
    }

    def beats(one, other):
        better = [one[0] < other[0], one[1] > other[1], one[2] > other[2]]
        return any(better) and all(sign or a == b for sign, a, b in zip(better, one, other, strict=True))

    whole = {str(index): three for index, three in enumerate(values) if None not in three}
    expected = {name for name, three in whole.items() if not any(beats(other, three) for other in whole.values())}
    assert found == expected


@given(st.lists(_VALUES, max_size=12), st.booleans())
def test_an_order_keeps_every_row(values, descending):
    rows = [row(str(index), value) for index, value in enumerate(values)]
    found = chosen_rows(rows, RECORD_COLUMNS, RowChoice(sort="latency_ms", descending=descending))
    assert sorted(one["network"] for one in found) == sorted(one["network"] for one in rows)
    present = [one["latency_ms"] for one in found if one["latency_ms"] is not None]
    assert all((a >= b) if descending else (a <= b) for a, b in pairwise(present))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("latency_ms < 20 and top1 > 78", None),
        ("latency_ms < 20 and top1 > 90", False),
        ("latency_ms < 20 or top1 > 78", True),
        ("not latency_ms < 20", None),
        ("not (latency_ms < 20 and top1 > 90)", True),
        ("latency_ms < 20 or top1 > 90", None),
    ],
)
def test_what_is_not_known_yet_leaves_a_condition_open_unless_the_rest_decides(text, answer):
    assert condition(text, RECORD_COLUMNS)(row("a", UNKNOWN, 80.0)) is answer


def test_a_slip_in_a_column_is_answered_with_the_nearest():
    with pytest.raises(ResbenchError, match="no column 'latnecy_ms'; did you mean latency_ms"):
        condition("latnecy_ms<3", RECORD_COLUMNS)
    with pytest.raises(ResbenchError, match="there is no column 'q'; choose from network, family"):
        chosen_rows(ROWS, RECORD_COLUMNS, RowChoice(sort="q"))
