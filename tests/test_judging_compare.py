from dataclasses import replace

import pytest

from resbench.errors import ExitCode
from resbench.judging.compare import compare, compare_folders, newcombe
from resbench.judging.finding import Finding, Verdict, exit_code, worst_first
from resbench.records.record import Memory
from tests.examples import COUNTS, EVALUATION, PROFILE, series


def verdicts(before, after):
    return {finding.metric: finding.verdict for finding in compare(before, after, "x")}


def test_a_record_compared_with_itself_has_nothing_worse_than_inconclusive():
    assert set(verdicts(PROFILE, PROFILE).values()) == {Verdict.OK, Verdict.INCONCLUSIVE}
    assert set(verdicts(EVALUATION, EVALUATION).values()) == {Verdict.OK}


@pytest.mark.parametrize("change", [+1, -1])
def test_one_parameter_more_or_less_is_always_seen(change):
    after = replace(PROFILE, counts=replace(COUNTS, params=COUNTS.params + change))
    assert verdicts(PROFILE, after)["params"] == (Verdict.REGRESSED if change > 0 else Verdict.IMPROVED)


def test_operations_that_move_between_terms_are_seen_though_the_parameters_agree():
    terms = replace(COUNTS.terms, relu=COUNTS.terms.relu + 7)
    found = verdicts(PROFILE, replace(PROFILE, counts=replace(COUNTS, terms=terms)))
    assert found["terms.relu"] == Verdict.REGRESSED
    assert found["params"] == Verdict.OK


def test_counts_at_different_sizes_are_not_comparable():
    after = replace(PROFILE, counts=replace(COUNTS, input_px=(224, 285)))
    assert verdicts(PROFILE, after)["record"] == Verdict.NOT_COMPARABLE


@pytest.mark.parametrize(
    "after",
    [
        replace(PROFILE, settings=replace(PROFILE.settings, threads=2)),
        replace(
            PROFILE,
            environment=replace(PROFILE.environment, machine=replace(PROFILE.environment.machine, torch="2.6.0")),
        ),
    ],
)
def test_timings_under_other_conditions_are_refused_while_counts_are_still_compared(after):
    found = compare(PROFILE, after, "x")
    assert [f.verdict for f in found if f.metric == "timings"] == [Verdict.NOT_COMPARABLE]
    assert "2" in next(f.why for f in found if f.metric == "timings")
    assert verdicts(PROFILE, after)["params"] == Verdict.OK


@pytest.mark.parametrize(
    ("scale", "verdict"),
    [
        (2.0, Verdict.REGRESSED),
        (1.3, Verdict.REGRESSED),
        (1.1, Verdict.INCONCLUSIVE),
        (1.0, Verdict.INCONCLUSIVE),
        (0.5, Verdict.IMPROVED),
    ],
)
def test_single_stored_runs_tell_only_gross_changes(scale, verdict):
    after = replace(PROFILE, series=(series(scale=scale),))
    found = next(f for f in compare(PROFILE, after, "x") if f.metric.startswith("latency"))
    assert found.verdict == verdict
    assert found.ratio_low < scale < found.ratio_high


def test_an_overloaded_machine_never_convicts():
    noisy = replace(PROFILE.environment, conditions=replace(PROFILE.environment.conditions, noise="overloaded"))
    after = replace(PROFILE, series=(series(scale=3),), environment=noisy)
    assert verdicts(PROFILE, after)["latency b1 (CPU time)"] == Verdict.INCONCLUSIVE


def test_a_side_without_samples_is_invalid_and_a_missing_series_is_never_ok():
    empty = replace(PROFILE, series=(series(clusters=1),))
    assert verdicts(PROFILE, empty)["latency b1"] == Verdict.INVALID
    assert verdicts(PROFILE, replace(PROFILE, series=()))["record"] == Verdict.NOT_COMPARABLE


def test_memory_may_not_grow_beyond_its_limit():
    def with_bytes(**peaks):
        return replace(PROFILE, memory=(Memory(batch_size=1, **peaks),))

    found = verdicts(with_bytes(allocated_bytes=1000), with_bytes(allocated_bytes=1011))
    assert found["allocated memory b1"] == Verdict.REGRESSED
    found = verdicts(with_bytes(allocated_bytes=1000), with_bytes(allocated_bytes=1010))
    assert found["allocated memory b1"] == Verdict.OK
    found = verdicts(with_bytes(resident_bytes=1000), with_bytes(resident_bytes=900))
    assert found["resident memory b1"] == Verdict.IMPROVED
    assert verdicts(with_bytes(resident_bytes=1000), with_bytes())["record"] == Verdict.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("right", "verdict"),
    [(158, Verdict.OK), (157, Verdict.REGRESSED), (100, Verdict.REGRESSED), (159, Verdict.INCONCLUSIVE),
     (199, Verdict.IMPROVED)],
)  # fmt: skip
def test_accuracy_on_the_same_images(right, verdict):
    # One of 200 images is 0.5 points: beyond the permitted drop of 0.3.
    assert verdicts(EVALUATION, replace(EVALUATION, top1_right=right))["top1 right"] == verdict


def test_accuracy_on_other_images_is_not_comparable():
    after = replace(EVALUATION, dataset=replace(EVALUATION.dataset, fingerprint="ef" * 32))
    assert set(verdicts(EVALUATION, after).values()) == {Verdict.NOT_COMPARABLE}


def test_newcombe_gives_the_intervals_printed_in_the_paper():
    # Newcombe 1998 (Statistics in Medicine 17:873), table II, method 10, examples (a) and (c).
    assert newcombe(48, 80, 56, 70) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(2, 7, 6, 7) == pytest.approx((0.0582, 0.8062), abs=5e-5)


def test_records_of_different_things_are_not_comparable():
    assert verdicts(PROFILE, EVALUATION) == {"record": Verdict.NOT_COMPARABLE}
    assert verdicts(PROFILE, replace(PROFILE, network="resnet18")) == {"record": Verdict.NOT_COMPARABLE}


def test_a_record_missing_on_either_side_is_never_ok():
    found = compare_folders({"a.json": PROFILE, "b.json": PROFILE}, {"b.json": PROFILE, "c.json": PROFILE})
    missing = {f.record for f in found if f.verdict == Verdict.NOT_COMPARABLE}
    assert missing == {"a.json", "c.json"}


@pytest.mark.parametrize(
    ("verdicts", "code", "code_on_request"),
    [
        ([], ExitCode.OK, ExitCode.OK),
        ([Verdict.OK, Verdict.IMPROVED], ExitCode.OK, ExitCode.OK),
        ([Verdict.OK, Verdict.INCONCLUSIVE], ExitCode.OK, ExitCode.INCONCLUSIVE),
        ([Verdict.INCONCLUSIVE, Verdict.REGRESSED], ExitCode.REGRESSED, ExitCode.REGRESSED),
        ([Verdict.REGRESSED, Verdict.NOT_COMPARABLE], ExitCode.NOT_COMPARABLE, ExitCode.NOT_COMPARABLE),
        ([Verdict.REGRESSED, Verdict.NOT_COMPARABLE, Verdict.INVALID], ExitCode.INVALID, ExitCode.INVALID),
    ],
)
def test_the_worst_finding_decides_the_exit_code(verdicts, code, code_on_request):
    found = [Finding(record="x", metric="m", before=1, after=2, verdict=v, why="") for v in verdicts]
    assert exit_code(found) == code
    assert exit_code(found, fail_on_inconclusive=True) == code_on_request
    ranks = [list(Verdict).index(f.verdict) for f in worst_first(found)]
    assert ranks == sorted(ranks)
