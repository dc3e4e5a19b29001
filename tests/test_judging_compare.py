from dataclasses import replace

from resbench.judging.compare import compare, compare_folders
from resbench.judging.finding import Verdict
from resbench.judging.limits import Config, Limits
from tests.examples import COUNTS, EVALUATION, PROFILE


def verdicts(findings):
    return {(finding.record, finding.metric): finding.verdict for finding in findings}


def test_a_record_compared_with_itself_has_nothing_worse_than_inconclusive():
    assert {f.verdict for f in compare(PROFILE, PROFILE, "x")} == {Verdict.OK, Verdict.INCONCLUSIVE}
    assert {f.verdict for f in compare(EVALUATION, EVALUATION, "x")} == {Verdict.OK}


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
