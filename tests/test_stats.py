"""Figures from raw samples: against scipy, and by simulation with known truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from resbench.judging import robust, stats, student
from resbench.records.record import Cluster, Launch, Series

REPETITIONS = 1000
TRUTH = 0.010


def clusters_of(kind, chance, clusters=12, iterations=10):
    """Seconds, (repetitions, clusters, iterations), whose clusters have the median TRUTH."""
    shape = (REPETITIONS, clusters, iterations)
    layout = 0.02 * chance.standard_normal((*shape[:2], 1))  # where the weights lie
    match kind:
        case "independent":
            noise = 0.03 * chance.standard_normal(shape)
        case "autocorrelated":
            noise = np.empty(shape)
            noise[..., 0] = 0.03 * chance.standard_normal(shape[:2])
            fresh = 0.03 * math.sqrt(1 - 0.9**2) * chance.standard_normal(shape)
            for index in range(1, iterations):
                noise[..., index] = 0.9 * noise[..., index - 1] + fresh[..., index]
        case "heavy-tailed":
            noise = 0.03 * chance.standard_t(2, shape)
        case "launch effect":
            layout, noise = 0.015 * chance.standard_normal((*shape[:2], 1)), 0.01 * chance.standard_normal(shape)
    return TRUTH * np.exp(layout + noise)


def covers(interval):
    return interval.low <= TRUTH <= interval.high


def coverage(medians):
    return np.mean([covers(stats.log_interval(row)) for row in medians])


@pytest.mark.parametrize("kind", ["independent", "autocorrelated", "heavy-tailed", "launch effect"])
def test_the_interval_over_clusters_covers_what_it_promises(kind):
    medians = np.median(clusters_of(kind, np.random.default_rng(1)), axis=2)
    assert 0.93 <= coverage(medians) <= 0.97


@pytest.mark.parametrize("kind", ["autocorrelated", "launch effect"])
def test_the_naive_interval_over_iterations_does_not(kind):
    samples = clusters_of(kind, np.random.default_rng(2))
    assert coverage(samples.reshape(REPETITIONS, -1)) < 0.70


@pytest.mark.parametrize("kind", ["independent", "autocorrelated", "heavy-tailed", "launch effect"])
def test_stopping_when_the_interval_is_narrow_enough_keeps_its_promise(kind):
    medians = np.median(clusters_of(kind, np.random.default_rng(3), clusters=48), axis=2)

    def stopped(row):
        looks = range(12, 49, 6)
        return row[: next((look for look in looks if stats.precision(row[:look]) <= 0.01), 48)]

    lengths = [len(stopped(row)) for row in medians[:50]]
    assert min(lengths) < max(lengths)  # or the rule would not be tested
    assert 0.93 <= np.mean([covers(stats.log_interval(stopped(row))) for row in medians]) <= 0.97


def series(clusters, *, launches=1, calls=1, batch_size=1, speed="latency"):
    """A series of `clusters` (lists of ns) in each launch."""
    launch = Launch(
        cold_start_ns=1,
        warmup_iterations=1,
        warmup_ns=1,
        steady=True,
        clusters=tuple(Cluster(wall_ns=tuple(one), cpu_ns=tuple(value // 2 for value in one)) for one in clusters),
    )
    return Series(
        speed=speed,
        batch_size=batch_size,
        batch_size_asked=str(batch_size),
        calls=calls,
        launches=(launch,) * launches,
        stop_reason="precision",
        target=0.02,
        drifting=False,
    )


def test_students_quantiles_are_scipys_with_and_without_the_table():
    freedoms = [*range(1, 120), 2.5, 11.5]
    own = [student.quantile(0.975, freedom) for freedom in freedoms]
    assert own == pytest.approx(scipy_stats.t.ppf(0.975, freedoms), rel=1e-14)
    assert student.quantile(0.95, 11) == pytest.approx(scipy_stats.t.ppf(0.95, 11), rel=1e-14)


def test_the_interval_agrees_with_scipys():
    values = np.random.default_rng(4).lognormal(size=17)
    interval = stats.log_interval(values)
    expected = scipy_stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)
    assert interval.estimate == pytest.approx(scipy_stats.gmean(values))
    assert (interval.low, interval.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))


@settings(deadline=None)  # the time of a call is no concern here
@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=40), st.floats(1e-3, 1e3))
def test_intervals_scale_with_their_values(values, factor):
    interval = stats.log_interval(values)
    scaled = stats.log_interval([value * factor for value in values])
    assert scaled.estimate == pytest.approx(interval.scaled(factor).estimate, rel=1e-9)
    assert scaled.low == pytest.approx(interval.scaled(factor).low, rel=1e-6)
    assert interval.low <= interval.estimate <= interval.high


def test_one_value_has_no_interval_and_equal_values_one_without_width():
    assert stats.log_interval([2.0]) == stats.Interval(2.0, None, None)
    assert stats.log_interval([2.0]).half_width == math.inf
    assert stats.precision([2.0]) == math.inf
    assert stats.log_interval([2.0, 2.0, 2.0]).half_width == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [1.0, 0.0], [1.0, -1.0], [math.inf]])
def test_what_is_no_time_is_refused(values):
    with pytest.raises(ValueError, match="positive finite"):
        stats.log_interval(values)


def test_seconds_become_images_per_second_with_the_bounds_exchanged():
    assert stats.Interval(2.0, 1.0, 4.0).inverted(8) == stats.Interval(4.0, 2.0, 8.0)


def test_hodges_lehmann_is_the_median_of_pairwise_means():
    assert robust.hodges_lehmann([1.0, 2.0, 30.0]) == np.median([1.0, 1.5, 15.5, 2.0, 16.0, 30.0])


def test_hodges_lehmann_resists_outliers_and_beats_the_median():
    samples = np.random.default_rng(5).standard_normal((2000, 10))
    by_pairs = [robust.hodges_lehmann(row) for row in samples]
    assert np.std(by_pairs) < np.std(np.median(samples, axis=1))
    assert abs(robust.hodges_lehmann([*np.zeros(9), 1e9])) < 1e-9


def test_proportions_agree_with_the_closed_forms():
    assert robust.upper_bound(0, 20) == pytest.approx(1 - 0.05 ** (1 / 20))
    low, high = robust.clopper_pearson(3, 20)
    assert (low, high) == pytest.approx(scipy_stats.beta.ppf([0.025, 0.975], [3, 4], [18, 17]))


def test_percentiles_need_enough_samples():
    samples = np.random.default_rng(6).lognormal(size=662)
    assert stats.percentile(samples[:63], 0.90) is None
    assert stats.percentile(samples[:661], 0.99) is None
    found = stats.percentile(samples, 0.99)
    assert found.low < found.estimate == np.quantile(samples, 0.99) < found.high
    assert stats.percentile(samples[:64], 0.90).high <= samples[:64].max()


def test_a_percentiles_interval_covers_what_it_promises():
    chance = np.random.default_rng(7)
    truth = scipy_stats.norm.ppf(0.9)
    found = [stats.percentile(chance.standard_normal(100), 0.90) for _ in range(300)]
    assert np.mean([interval.low <= truth <= interval.high for interval in found]) >= 0.93


def test_a_summary_is_computed_from_the_raw_samples():
    summary = stats.summarise(series([[10, 20, 60], [40, 40, 40]]))
    assert summary.median.estimate == pytest.approx(math.sqrt(20e-9 * 40e-9))
    assert summary.mean.estimate == pytest.approx(math.sqrt(30e-9 * 40e-9))
    assert summary.cpu.estimate == pytest.approx(summary.median.estimate / 2)
    assert (summary.samples, summary.clusters, summary.launches) == (6, 2, 1)
    assert summary.min_s == 10e-9
    assert summary.pooled_mean_s == pytest.approx(35e-9)
    assert summary.sd_s == pytest.approx(np.std([10, 20, 60, 40, 40, 40], ddof=1) * 1e-9)
    assert summary.mad_s == pytest.approx(10e-9)
    assert summary.between_clusters == pytest.approx(np.std(np.log([20, 40]), ddof=1))


def test_a_window_of_calls_counts_every_image():
    windows = series([[2_000_000_000, 2_000_000_000], [2_000_000_000]], calls=5, batch_size=8, speed="throughput")
    assert stats.images_per_s(windows).estimate == pytest.approx(8 * 5 / 2)
    assert stats.summarise(windows).median.estimate == pytest.approx(0.4)


def test_images_per_second_come_from_elapsed_time_and_not_from_the_median():
    windows = series([[1_000_000_000, 1_000_000_000, 4_000_000_000]], batch_size=8, speed="throughput")
    assert stats.images_per_s(windows).estimate == pytest.approx(3 * 8 / 6)


def test_from_three_launches_on_the_launch_is_the_unit():
    clusters = [[10, 10], [12, 12]]
    assert len(stats.unit_values(series(clusters, launches=2))) == 4
    assert stats.unit_values(series(clusters, launches=3)) == pytest.approx([math.sqrt(120) * 1e-9] * 3)


def test_outliers_are_counted_and_not_dropped():
    summary = stats.summarise(series([[100 + index for index in range(20)], [*range(100, 119), 10_000]]))
    assert (summary.outliers, summary.samples) == (1, 40)
    assert summary.pooled_mean_s > 300e-9


def test_a_coarse_process_clock_gives_no_cpu_time():
    assert stats.summarise(series([[1, 1]])).cpu is None


def test_windows_agree_within_the_tolerance_or_within_their_scatter():
    quiet = 1 + 0.001 * np.arange(10)
    assert robust.agree(quiet, quiet * 1.019, 0.02)
    assert not robust.agree(quiet, quiet * 1.05, 0.02)
    chance = np.random.default_rng(8)
    assert robust.agree(chance.lognormal(0, 0.3, 10), chance.lognormal(0, 0.3, 10), 0.02)


def test_chance_rarely_looks_like_drift():
    chance = np.random.default_rng(9)
    assert np.mean([robust.drifts(chance.lognormal(0, 0.03, 24)) for _ in range(300)]) <= 0.03


def test_drift_is_found_in_noise():
    trend = np.exp(np.linspace(0, 0.05, 24))
    chance = np.random.default_rng(10)
    assert np.mean([robust.drifts(trend * chance.lognormal(0, 0.01, 24)) for _ in range(100)]) > 0.95
    assert not robust.drifts([1.0, 1.0, 1.0])
    assert not robust.drifts([1.0] * 12)


def test_scatter_and_trend_of_a_series_are_those_of_scipy():
    """The error of a median by the median absolute deviation; a drift by Kendall's test and the Theil-Sen slope."""
    chance, found = np.random.default_rng(8), set()
    for trend in (0.0, 0.001, 0.002, 0.003) * 50:
        values = np.exp(trend * np.arange(24)) * chance.lognormal(0, 0.015, 24)
        scatter = scipy_stats.median_abs_deviation(values, scale="normal")
        assert robust._median_error(values) == pytest.approx(1.2533 * scatter / np.sqrt(24) / np.median(values))
        slope = scipy_stats.theilslopes(np.log(values), np.arange(24)).slope
        p_value = scipy_stats.kendalltau(np.arange(24), values).pvalue
        expected = bool(p_value < 0.01 and abs(slope) * 23 > np.log(1.02))
        assert robust.drifts(values) is expected
        found.add(expected)
    assert found == {True, False}
