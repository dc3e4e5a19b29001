from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resbench.judging.compare import compare
from resbench.judging.exact import same
from resbench.judging.finding import Verdict
from resbench.judging.limits import Limits
from resbench.records.record import Kernels, Memory
from tests.examples import COUNTS, EVALUATION, PROFILE


def verdicts(before, after, **limits):
    return {finding.metric: finding.verdict for finding in compare(before, after, "x", Limits(**limits))}


def counted(**changes):
    return replace(PROFILE, counts=replace(COUNTS, **changes))


@pytest.mark.parametrize("change", [+1, -1])
def test_one_parameter_more_or_less_is_always_seen(change):
    assert verdicts(PROFILE, counted(params=COUNTS.params + change))["params"] == Verdict.REGRESSED


@given(term=st.sampled_from(["conv", "relu", "bn", "maxpool_in"]), change=st.integers(-5, 5).filter(bool))
def test_operations_that_change_are_seen_though_the_parameters_agree(term, change):
    terms = replace(COUNTS.terms, **{term: 1000 + change})
    found = verdicts(counted(terms=replace(COUNTS.terms, **{term: 1000})), counted(terms=terms))
    assert found[f"terms.{term}"] == Verdict.REGRESSED
    assert found["params"] == Verdict.OK


def test_a_receptive_field_that_shrinks_is_seen():
    before, after = counted(receptive_field_px=(427, 427)), counted(receptive_field_px=(427, 425))
    assert verdicts(before, after)["receptive_field_px.width"] == Verdict.REGRESSED


@pytest.mark.parametrize("count", ["traffic", "operators"])
def test_a_count_that_the_new_side_lacks_is_never_ok(count):
    assert verdicts(counted(**{count: 5}), PROFILE)[count] == Verdict.INCONCLUSIVE


@pytest.mark.parametrize("count", ["traffic", "operators"])
def test_a_baseline_from_before_something_was_counted_gives_no_finding_of_it(count):
    found = verdicts(PROFILE, counted(**{count: 5}))
    assert count not in found
    assert found["params"] == Verdict.OK


@pytest.mark.parametrize("change", [+1, -1])
def test_one_operator_more_or_less_is_seen_though_all_else_agrees(change):
    found = verdicts(counted(operators=174), counted(operators=174 + change))
    assert found.pop("operators") == Verdict.REGRESSED
    assert Verdict.REGRESSED not in found.values()


def started(*batches):
    return replace(PROFILE, kernels=tuple(Kernels(batch_size=b, launches=n, kernels=k) for b, n, k in batches))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((1, 60, 60), (1, 60, 60), {"kernel launches b1": Verdict.OK}),
        ((1, 60, 60), (1, 61, 61), {"kernel launches b1": Verdict.REGRESSED}),
        ((1, 60, 60), (1, 59, 59), {"kernel launches b1": Verdict.IMPROVED}),
        ((1, 60, 60), (1, 1, 60), {"kernel launches b1": Verdict.IMPROVED, "kernels b1": Verdict.OK}),
        ((1, 1, 60), (1, 1, 61), {"kernel launches b1": Verdict.OK, "kernels b1": Verdict.REGRESSED}),
        ((1, 60, 60), (8, 60, 60), {"kernel launches b1": Verdict.NOT_COMPARABLE}),
    ],
)
def test_kernels_are_held_to_their_number(before, after, expected):
    found = verdicts(started(before), started(after))
    assert {metric: verdict for metric, verdict in found.items() if "kernel" in metric} == expected


def test_kernels_that_were_not_counted_again_are_never_ok():
    assert verdicts(started((1, 60, 60)), PROFILE)["kernel launches b1"] == Verdict.NOT_COMPARABLE


def test_kernels_of_other_settings_or_of_a_baseline_from_before_they_were_counted_are_no_finding():
    fused = replace(started((1, 40, 40)), settings=replace(PROFILE.settings, fuse=True))
    for before, after in ((started((1, 60, 60)), fused), (PROFILE, started((1, 60, 60)))):
        assert not [metric for metric in verdicts(before, after) if "kernel" in metric]


def test_counts_at_different_sizes_are_not_comparable():
    assert verdicts(PROFILE, counted(input_px=(224, 285)))["counts"] == Verdict.NOT_COMPARABLE


def test_a_limit_permits_what_it_says_and_no_more():
    assert verdicts(PROFILE, counted(params=COUNTS.params + 250_289), counts=0.01)["params"] == Verdict.OK
    assert verdicts(PROFILE, counted(params=COUNTS.params + 250_290), counts=0.01)["params"] == Verdict.REGRESSED


def test_another_checkpoint_under_the_same_name_is_seen_unless_it_is_permitted():
    after = replace(EVALUATION, weights_sha256="ba" * 32)
    assert verdicts(EVALUATION, after)["weights sha256"] == Verdict.REGRESSED
    assert verdicts(EVALUATION, after, weights="any")["weights sha256"] == Verdict.OK


def with_bytes(**peaks):
    return replace(PROFILE, memory=(Memory(batch_size=1, **peaks),))


@pytest.mark.parametrize(
    ("peak", "before", "after", "verdict"),
    [
        ("allocated", 1000, 1011, Verdict.REGRESSED),
        ("allocated", 1000, 1010, Verdict.OK),
        ("allocated", 1000, 900, Verdict.IMPROVED),
        ("resident", 1000, 1011, Verdict.REGRESSED),
        ("resident", 1000, 1010, Verdict.OK),
        ("resident", 1000, None, Verdict.NOT_COMPARABLE),
        ("resident", None, 1000, Verdict.NOT_COMPARABLE),
    ],
)
def test_memory_may_not_grow_beyond_its_limit(peak, before, after, verdict):
    found = verdicts(with_bytes(**{f"{peak}_bytes": before}), with_bytes(**{f"{peak}_bytes": after}))
    assert found[f"{peak} memory b1"] == verdict


def test_memory_that_was_not_measured_again_is_never_ok():
    assert verdicts(PROFILE, replace(PROFILE, memory=()))["memory b1"] == Verdict.NOT_COMPARABLE


def test_a_run_from_before_something_was_counted_stays_in_the_pool():
    assert same(COUNTS, replace(COUNTS, operators=174))
    assert not same(replace(COUNTS, operators=175), replace(COUNTS, operators=174))
    assert not same(COUNTS, replace(COUNTS, operators=174, params=1))
    assert same(COUNTS, replace(COUNTS, terms=replace(COUNTS.terms, relu_last=5)))
    assert not same(COUNTS, replace(COUNTS, terms=replace(COUNTS.terms, relu_last=5, conv=7)))
