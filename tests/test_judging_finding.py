import pytest

from resbench.errors import ExitCode
from resbench.judging.finding import Finding, Verdict, exit_code, overall, tally, worst_first


def findings(*verdicts, ratio=1.0):
    return [Finding(record="x", metric="m", before=1, after=ratio, verdict=v, why="") for v in verdicts]


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
    found = findings(*verdicts)
    assert exit_code(found) == code
    assert exit_code(found, fail_on_inconclusive=True) == code_on_request
    ranks = [list(Verdict).index(f.verdict) for f in worst_first(found)]
    assert ranks == sorted(ranks)
    assert overall(found) == (worst_first(found)[0].verdict if found else Verdict.OK)


def test_of_equal_verdicts_the_larger_change_comes_first():
    found = [*findings(Verdict.REGRESSED, ratio=1.1), *findings(Verdict.REGRESSED, ratio=2.0)]
    assert [f.after for f in worst_first(found)] == [2.0, 1.1]


def test_what_was_nothing_before_has_changed_most():
    flips = Finding(record="x", metric="predictions changed", before=0, after=5, verdict=Verdict.REGRESSED, why="")
    assert worst_first([*findings(Verdict.REGRESSED, ratio=2.0), flips])[0] == flips


def test_the_tally_counts_every_verdict_worst_first():
    assert tally(findings(Verdict.OK, Verdict.REGRESSED, Verdict.OK)) == "1 regressed, 2 ok"
    assert tally([]) == "nothing to compare"
