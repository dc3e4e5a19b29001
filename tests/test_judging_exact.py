from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resbench.judging.compare import compare
from resbench.judging.finding import Verdict
from resbench.judging.limits import Limits
from resbench.records.record import Memory
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


def test_a_count_that_only_one_side_has_is_never_ok():
    assert verdicts(PROFILE, counted(traffic=5))["traffic"] == Verdict.INCONCLUSIVE


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
