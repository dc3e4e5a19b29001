from dataclasses import replace

import pytest

from resbench.judging.compare import compare, compare_folders
from resbench.judging.finding import Verdict
from resbench.judging.limits import Config, Limits
from tests.examples import COUNTS, EVALUATION, PROFILE, series


def verdicts(findings):
    return {(finding.record, finding.metric): finding.verdict for finding in findings}


MISSED = replace(  # what it did not reproduce when it was made is no news
    EVALUATION,
    weights="tv_resnet18",
    dataset=replace(EVALUATION.dataset, name="ImageNet-1k"),
    predictions_sha256="ab" * 32,
)


@pytest.mark.parametrize("record", [PROFILE, EVALUATION, MISSED], ids=["profile", "evaluation", "not reproduced"])
def test_a_record_compared_with_itself_is_ok(record):
    assert {f.verdict for f in compare(record, record, "x")} == {Verdict.OK}


def test_a_record_as_it_was_committed_last_is_ok_whatever_was_committed_before():
    def run(number, factor):
        changed = replace(PROFILE.run, started=f"2026-01-{1 + number:02}T00:00:00+00:00")
        return replace(PROFILE, run=changed, series=(series(scale=factor),))

    runs = [*(run(number, 1 + number / 1000) for number in range(7)), run(7, 2.0)]
    sides = {"m/a.json": runs}, {"m/a.json": runs[-1]}
    judged = [compare_folders(*sides, committed=committed) for committed in (True, False)]
    assert {f.verdict for f in judged[0]} == {Verdict.OK}
    assert Verdict.REGRESSED in {f.verdict for f in judged[1]}  # in a pool it was added to before it is judged


def test_records_of_different_things_are_not_comparable():
    for other in (EVALUATION, replace(PROFILE, network="resnet18")):
        assert verdicts(compare(PROFILE, other, "x")) == {("x", "record"): Verdict.NOT_COMPARABLE}


def test_a_record_missing_on_either_side_is_never_ok():
    found = compare_folders({"m/a.json": [PROFILE], "m/b.json": [PROFILE]}, {"m/b.json": PROFILE, "m/c.json": PROFILE})
    assert {f.record for f in found if f.verdict == Verdict.NOT_COMPARABLE} == {"m/a.json", "m/c.json"}


def test_runs_of_machines_that_were_not_measured_are_not_missed_in_a_pool_but_in_the_own_past():
    before = {"here/a.json": [PROFILE], "elsewhere/a.json": [PROFILE]}
    missed = [compare_folders(before, {"here/a.json": PROFILE}, whole=whole) for whole in (False, True)]
    assert ("elsewhere/a.json", "record") not in verdicts(missed[0])
    assert verdicts(missed[1])["elsewhere/a.json", "record"] == Verdict.NOT_COMPARABLE


def test_new_records_may_be_permitted():
    config = Config(limits=Limits(new_records="inconclusive"))
    assert verdicts(compare_folders({}, {"m/a.json": PROFILE}, config)) == {
        ("m/a.json", "record"): Verdict.INCONCLUSIVE
    }


def test_limits_go_by_the_name_of_the_network():
    config = Config(networks={"resnext*": {"counts": 0.5}})
    more = replace(PROFILE, counts=replace(COUNTS, params=COUNTS.params + 1))
    found = compare_folders({"m/a.json": [PROFILE]}, {"m/a.json": more}, config)
    assert verdicts(found)["m/a.json", "params"] == Verdict.OK
    other = {"m/b.json": [replace(PROFILE, network="resnet18")]}, {"m/b.json": replace(more, network="resnet18")}
    assert verdicts(compare_folders(*other, config))["m/b.json", "params"] == Verdict.REGRESSED
