import random
from dataclasses import replace

import pytest

from resbench.judging.compare import compare, compare_folders
from resbench.judging.finding import Verdict
from resbench.judging.limits import Config, Limits
from resbench.records.record import Pipeline
from tests.examples import CONDITIONS, ENVIRONMENT, EVALUATION, PROFILE, series

CPU, WALL = "latency b1 (CPU time)", "latency b1 (wall time)"


def run(scale=1.0, number=0, **changes):
    """One of several runs of the same thing, `scale` milliseconds long."""
    stamp = replace(PROFILE.run, started=f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00")
    return replace(PROFILE, series=(series(scale=scale),), run=stamp, **changes)


def pool(runs, spread, seed=0):
    chance = random.Random(seed)
    return [run(2 ** chance.gauss(0, spread), number) for number in range(runs)]


def judged(before, after, limits=None, metric=CPU):
    found = compare_folders({"m/a.json": before}, {"m/a.json": after}, Config(limits=limits or Limits()))
    return next(f for f in found if f.metric == metric)


@pytest.mark.parametrize(
    "after",
    [
        replace(PROFILE, settings=replace(PROFILE.settings, threads=2)),
        replace(PROFILE, environment=replace(ENVIRONMENT, machine=replace(ENVIRONMENT.machine, torch="2.6.0"))),
    ],
)
def test_timings_under_other_conditions_are_refused_while_counts_are_still_compared(after):
    found = {f.metric: f for f in compare(PROFILE, after, "x")}
    assert found["timings"].verdict == Verdict.NOT_COMPARABLE
    assert " -> 2" in found["timings"].why
    assert found["params"].verdict == Verdict.OK


@pytest.mark.parametrize("runs", [1, 4])
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
def test_few_runs_tell_only_gross_changes(runs, scale, verdict):
    found = judged([run(number=number) for number in range(runs)], run(scale, 99))
    assert found.verdict == verdict
    assert found.ratio_low < scale < found.ratio_high
    assert found.limit == 0.25 < found.detectable


@pytest.mark.parametrize(
    ("scale", "verdict"),
    [
        (1.3, Verdict.REGRESSED),
        (1.08, Verdict.REGRESSED),
        (1.02, Verdict.OK),  # certainly slower, but certainly within the limit of 3 %
        (1.0, Verdict.OK),
        (0.9, Verdict.IMPROVED),
    ],
)
def test_a_pool_of_quiet_runs_tells_small_changes(scale, verdict):
    found = judged(pool(10, 0.003), run(scale, 99))
    assert found.verdict == verdict
    assert found.why.startswith("10 runs; ")


@pytest.mark.parametrize(("scale", "verdict"), [(1.05, Verdict.INCONCLUSIVE), (2.0, Verdict.REGRESSED)])
def test_a_pool_that_scatters_does_not_convict_and_says_what_it_could_find(scale, verdict):
    found = judged(pool(10, 0.1), run(scale, 99))
    assert found.verdict == verdict
    assert found.detectable > 0.15


def test_the_interval_is_that_of_one_more_run():
    # Student's prediction interval for five runs of 98 to 102: 100.0 +- 2.776 * 1.581 * sqrt(1 + 1/5), by hand.
    found = judged([run(s, n) for n, s in enumerate((0.98, 0.99, 1.0, 1.01, 1.02))], run(1.0, 99))
    half = 2.7764 * 0.015813 * (1 + 1 / 5) ** 0.5
    assert found.ratio_high - 1 == pytest.approx(half, rel=0.03)
    assert 1 - found.ratio_low == pytest.approx(half, rel=0.06)


def test_equal_runs_have_no_interval_but_a_verdict():
    same = [run(1.0, number) for number in range(6)]
    assert judged(same, run(1.0, 99)).verdict == Verdict.OK
    assert judged(same, run(1.06, 99)).verdict == Verdict.REGRESSED


def test_an_overloaded_machine_never_convicts():
    noisy = replace(ENVIRONMENT, conditions=replace(CONDITIONS, noise="overloaded"))
    found = judged(pool(10, 0.003), run(3.0, 99, environment=noisy))
    assert (found.verdict, "overloaded" in found.why) == (Verdict.INCONCLUSIVE, True)
    assert found.ratio_low < 3 < found.ratio_high
    assert found.detectable < 0.05


def test_overloaded_runs_are_a_baseline_only_where_there_are_no_others_and_then_convict_nobody():
    noisy = replace(ENVIRONMENT, conditions=replace(CONDITIONS, noise="overloaded"))
    overloaded = [run(1.0, number, environment=noisy) for number in range(9)]
    found = judged(overloaded, run(1.5, 99))
    assert (found.verdict, "no run of the baseline was steady" in found.why) == (Verdict.INCONCLUSIVE, True)
    assert found.ratio == pytest.approx(1.5, rel=0.01)
    sound = [replace(r, run=replace(r.run, command="later")) for r in pool(6, 0.003)]
    assert judged([*overloaded, *sound], run(1.5, 99)).why.startswith("6 runs; ")


@pytest.mark.parametrize("busy_side", ["before", "after"])
def test_few_runs_on_a_busy_machine_convict_by_cpu_time_but_not_by_wall_time(busy_side):
    busy = {"environment": replace(ENVIRONMENT, conditions=replace(CONDITIONS, noise="busy"))}
    sides = [run(1.0, 0, **busy), run(2.0, 99)] if busy_side == "before" else [run(), run(2.0, 99, **busy)]
    assert judged([sides[0]], sides[1], metric=CPU).verdict == Verdict.REGRESSED
    assert judged([sides[0]], sides[1], metric=WALL).verdict == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("busy_runs", "verdict"), [(0, Verdict.INCONCLUSIVE), (3, Verdict.REGRESSED)])
def test_wall_time_on_a_busier_machine_than_ever_convicts_nobody(busy_runs, verdict):
    busy = replace(ENVIRONMENT, conditions=replace(CONDITIONS, noise="busy"))
    before = [replace(r, environment=busy) if i < busy_runs else r for i, r in enumerate(pool(10, 0.003))]
    after = run(1.2, 99, environment=busy)
    assert judged(before, after, metric=WALL).verdict == verdict
    assert judged(before, after, metric=CPU).verdict == Verdict.REGRESSED


def unsteady(profile, **changes):
    (one,) = profile.series
    return replace(profile, series=(replace(one, **changes),))


def test_a_side_that_drifted_is_never_ok():
    found = judged(pool(10, 0.003), unsteady(run(1.0, 99), drifting=True))
    assert (found.verdict, "drifted" in found.why) == (Verdict.INCONCLUSIVE, True)


def test_a_side_that_never_became_steady_is_never_ok():
    after = run(1.0, 99)
    (launch,) = after.series[0].launches
    found = judged(pool(10, 0.003), unsteady(after, launches=(replace(launch, steady=False),)))
    assert found.verdict == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "change",
    [
        lambda cluster: replace(cluster, flags=("throttled",)),
        lambda cluster: replace(cluster, wall_ns=()),
        lambda cluster: replace(cluster, wall_ns=(-5, *cluster.wall_ns)),
    ],
    ids=["throttled", "without samples", "clock backwards"],
)
def test_samples_that_must_not_be_believed_are_invalid(change):
    after = run(1.0, 99)
    (launch,) = after.series[0].launches
    broken = unsteady(after, launches=(replace(launch, clusters=tuple(map(change, launch.clusters))),))
    assert judged(pool(10, 0.003), broken, metric="latency b1").verdict == Verdict.INVALID


def test_a_clock_too_coarse_for_cpu_time_leaves_wall_time():
    after = run(1.0, 99)
    (launch,) = after.series[0].launches
    coarse = tuple(replace(cluster, cpu_ns=(0,) * len(cluster.cpu_ns)) for cluster in launch.clusters)
    found = judged(pool(10, 0.003), unsteady(after, launches=(replace(launch, clusters=coarse),)), metric="latency b1")
    assert found.verdict == Verdict.OK


def test_a_series_that_was_not_measured_again_is_never_ok():
    assert judged([run()], replace(run(), series=()), metric="latency b1").verdict == Verdict.NOT_COMPARABLE


def test_the_same_run_is_ok():
    found = judged([run()], run(), metric="latency b1")
    assert (found.verdict, found.why) == (Verdict.OK, "the baseline is this very run")


def test_what_else_differs_is_said():
    newer = replace(ENVIRONMENT, conditions=replace(CONDITIONS, python="3.13.0", libraries={"numpy": "2.1"}))
    why = judged([run()], run(2.0, 99, environment=newer)).why
    assert "python 3.11.7 -> 3.13.0" in why
    assert "numpy 2.0 -> 2.1" in why


def test_runs_from_before_a_change_of_the_network_are_no_baseline_for_its_speed():
    old = [replace(r, counts=replace(r.counts, params=1)) for r in pool(9, 0.003)]
    assert judged([*old, run(1.0, 50)], run(1.0, 99)).why.startswith("1 run;")


def test_infinite_limits_switch_a_timing_off():
    off = Limits(latency=float("inf"))
    assert judged([run()], run(9.0, 99), off).verdict == Verdict.INCONCLUSIVE
    assert judged(pool(9, 0.003), run(9.0, 99), off).verdict == Verdict.OK


PIPELINE = Pipeline(data="val", fingerprint="ab" * 32, images=5, pixels=EVALUATION.pixels, workers=2)


def fed(pipeline, number=0):
    return replace(run(number=number), series=(series(), replace(series("end_to_end"), pipeline=pipeline)))


@pytest.mark.parametrize(
    "other",
    [
        replace(PIPELINE, fingerprint="cd" * 32),
        replace(PIPELINE, workers=3),
        replace(PIPELINE, pixels=replace(PIPELINE.pixels, decoder="simplejpeg 1.8")),
        None,
    ],
)
def test_speeds_on_other_images_are_not_compared_while_those_without_images_are(other):
    found = {f.metric: f for f in compare(fed(PIPELINE), fed(other, 1), "x")}
    assert found["end_to_end b1"].verdict == Verdict.NOT_COMPARABLE
    assert "other images" in found["end_to_end b1"].why
    assert found[CPU].verdict != Verdict.NOT_COMPARABLE


def test_only_runs_on_the_same_images_count_for_a_speed_on_images():
    other = replace(PIPELINE, images=4)
    before = [fed(other if number % 2 else PIPELINE, number) for number in range(9)]
    found = judged(before, fed(PIPELINE, 9), metric="end_to_end b1 (CPU time)")
    assert found.why.startswith("5 runs")
