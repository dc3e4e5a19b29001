"""The sampling loop in a world without real time: a clock that advances only when something is done."""

import gc
import math
import random

import pytest

from resbench.errors import InvalidMeasurementError
from resbench.judging import stats
from resbench.timing.clock import Clock
from resbench.timing.sampler import Plan, Surroundings, sample

PLAN = Plan(target=0.02, time_budget_s=100.0)


class World:
    """A host, a device that works behind its back, and a diary of what was done."""

    def __init__(self, call_ns=lambda world: 10_000_000):
        self.now_ns = 0
        self.busy_until_ns = 0
        self.call_ns = call_ns
        self.calls = 0
        self.cluster = 0
        self.diary = []
        self.clock = Clock(synchronise=self.synchronise, wall_ns=self.wall_ns, cpu_ns=self.cpu_ns)

    def synchronise(self):
        self.diary.append("synchronise")
        self.now_ns = max(self.now_ns, self.busy_until_ns)

    def wall_ns(self):
        self.diary.append("wall")
        return self.now_ns

    def cpu_ns(self):
        return self.now_ns // 2

    def call(self):
        self.diary.append("call")
        self.calls += 1
        self.busy_until_ns = max(self.now_ns, self.busy_until_ns) + round(self.call_ns(self))

    def materialise(self):
        self.cluster += 1
        self.diary.append("materialise")
        return (self.call,)

    def sample(self, plan=PLAN, **surroundings):
        surroundings.setdefault("now_s", lambda: self.now_ns / 1e9)
        return sample(self.materialise, self.clock, plan, Surroundings(**surroundings))


def samples(sampling):
    return [cluster.wall_ns for cluster in sampling.launches[0].clusters]


def test_the_device_is_idle_before_the_clock_starts_and_before_it_stops():
    world = World()
    world.clock(world.call, 2)
    assert world.diary == ["synchronise", "wall", "call", "call", "synchronise", "wall"]


def test_a_sample_holds_the_devices_time_and_not_only_the_hosts():
    world = World()
    assert world.clock(world.call, 3) == (30_000_000, 15_000_000)


def test_work_left_over_from_before_is_not_in_the_sample():
    world = World()
    world.call()
    assert world.clock(world.call, 1)[0] == 10_000_000


def test_every_cluster_is_materialised_afresh_and_has_calls_that_do_not_count():
    world = World()
    sampling = world.sample()
    clusters = samples(sampling)
    first, *rest = "".join({"materialise": "M", "call": "c"}.get(word, "") for word in world.diary).split("M")[1:]
    assert len(first) == 1 + sampling.launches[0].warmup_iterations  # cold start and warm-up
    assert [len(calls) for calls in rest] == [2 + len(taken) for taken in clusters]


def test_the_cold_start_is_apart_from_the_samples():
    world = World(lambda world: 900_000_000 if world.calls == 1 else 10_000_000)
    sampling = world.sample()
    assert sampling.launches[0].cold_start_ns == 900_000_000
    assert max(max(taken) for taken in samples(sampling)) == 10_000_000


def test_equal_samples_stop_at_the_first_look_with_an_interval_of_no_width():
    sampling = World().sample()
    assert sampling.stop_reason == "precision"
    assert len(samples(sampling)) == PLAN.least_clusters
    assert stats.precision([taken[0] for taken in samples(sampling)]) < 1e-12
    assert not sampling.drifting


def test_the_warm_up_has_a_floor_in_calls_and_in_time():
    slow, fast = World(), World(lambda _: 1_000_000)
    assert slow.sample().launches[0].warmup_iterations == 50  # half a second of 10 ms
    assert fast.sample().launches[0].warmup_ns >= 0.5e9
    very_slow = World(lambda _: 2_000_000_000).sample().launches[0]
    assert (very_slow.warmup_iterations, very_slow.steady) == (4, True)


def test_the_warm_up_lasts_until_calls_get_no_faster():
    world = World(lambda world: 10_000_000 * (1 + 3 * math.exp(-world.calls / 40)))
    sampling = world.sample()
    assert sampling.launches[0].steady
    assert sampling.launches[0].warmup_iterations > 100
    assert max(samples(sampling)[0]) < 1.1 * 10_000_000


def test_a_warm_up_that_never_settles_ends_at_its_limit_and_says_so():
    world = World(lambda world: 10_000_000 * 0.99**world.calls + 1_000)
    launch = world.sample(Plan(target=0.02, time_budget_s=1.0, warmup_limit_s=0.9)).launches[0]
    assert not launch.steady
    assert 0.9e9 <= launch.warmup_ns < 1.0e9


def test_a_throughput_sample_spans_a_window_of_calls_with_one_wait():
    world = World()
    sampling = world.sample(Plan(target=0.02, time_budget_s=100.0, window_s=0.25, window_calls=20))
    assert sampling.calls == 25
    assert set(samples(sampling)[0]) == {250_000_000}
    assert "call," * 25 in ",".join(world.diary) + ","


def test_a_later_launch_keeps_the_window_of_the_first():
    assert World(lambda _: 20_000_000).sample(Plan(target=0.02, time_budget_s=9.0, calls=7, window_s=1)).calls == 7


def test_sampling_stops_at_the_time_budget_when_the_interval_stays_wide():
    chance = random.Random(1)
    world = World(lambda world: 10_000_000 * (1 + 0.5 * (world.cluster % 2)) * chance.uniform(0.9, 1.1))
    sampling = world.sample(Plan(target=0.02, time_budget_s=3.0))
    assert sampling.stop_reason == "time_budget"
    assert len(samples(sampling)) >= PLAN.least_clusters


def test_at_least_three_clusters_are_taken_whatever_the_budget():
    assert len(samples(World(lambda _: 3_000_000_000).sample(Plan(target=0.02, time_budget_s=1.0)))) == 3


def test_sampling_stops_at_the_most_clusters():
    world = World(lambda world: 10_000_000 * (1 + 0.5 * (world.cluster % 2)))
    sampling = world.sample(Plan(target=0.01, time_budget_s=1e6))
    assert (sampling.stop_reason, len(samples(sampling))) == ("cluster_cap", PLAN.most_clusters)


def test_bimodal_clusters_make_the_interval_wide_enough_for_both_modes():
    world = World(lambda world: 10_000_000 if world.cluster % 2 else 11_000_000)
    medians = [taken[0] for taken in samples(world.sample(Plan(target=0.0, time_budget_s=3.0)))]
    interval = stats.log_interval(medians)
    assert interval.low < math.sqrt(10 * 11) * 1e6 < interval.high
    assert (
        stats.log_interval(medians * 100).half_width < interval.half_width / 5
    )  # taking copies for data would hide it


@pytest.mark.parametrize(("change", "drifting"), [(0.05, True), (-0.05, True), (0.005, False), (0.0, False)])
def test_a_trend_over_the_clusters_is_drift_and_a_small_one_is_not(change, drifting):
    chance = random.Random(2)
    world = World(lambda world: 10_000_000 * (1 + change * world.cluster / 96) * chance.gauss(1, 0.002))
    assert world.sample(Plan(target=0.0, time_budget_s=1e6)).drifting is drifting


def test_a_throttled_cluster_is_kept_apart_and_taken_again_after_a_pause():
    pauses = []
    world = World()

    def watch():
        cluster = world.cluster
        return lambda: ("throttled",) if cluster == 4 else ("power_capped",) if cluster == 6 else ()

    sampling = world.sample(watch=watch, pause=pauses.append)
    (launch,) = sampling.launches
    assert [cluster.flags for cluster in launch.discarded] == [("throttled",)]
    assert [cluster.flags for cluster in launch.clusters].count(("power_capped",)) == 1
    assert len(launch.clusters) == PLAN.least_clusters
    assert len(pauses) == 1


def test_a_device_that_stays_throttled_makes_the_measurement_invalid():
    with pytest.raises(InvalidMeasurementError, match="throttled itself in 3 clusters in a row"):
        World().sample(watch=lambda: lambda: ("throttled",), pause=lambda _: None)


def test_a_clock_that_goes_back_makes_the_measurement_invalid():
    world = World(lambda world: -1_000 if world.calls == 40 else 10_000_000)
    world.clock = Clock(synchronise=lambda: setattr(world, "now_ns", world.busy_until_ns), wall_ns=world.wall_ns)
    with pytest.raises(InvalidMeasurementError, match="advanced by -1000 ns"):
        world.sample()


def test_several_calls_are_sampled_in_turn_and_apart():
    order = []
    world = World()
    costs = {"forward": 3, "backward": 6, "optimizer": 1}

    def step(name):
        def call():
            order.append(name)
            world.busy_until_ns = max(world.now_ns, world.busy_until_ns) + costs[name] * 1_000_000

        return call

    sampling = sample(
        lambda: tuple(map(step, costs)), world.clock, PLAN, Surroundings(now_s=lambda: world.now_ns / 1e9)
    )
    assert [launch.clusters[0].wall_ns[0] for launch in sampling.launches] == [3_000_000, 6_000_000, 1_000_000]
    assert order == list(costs) * (len(order) // 3)


def test_garbage_is_collected_before_and_never_during_sampling_and_then_as_before():
    seen = []
    world = World(lambda world: seen.append(gc.isenabled()) or 10_000_000)
    assert gc.isenabled()
    world.sample()
    assert gc.isenabled()
    assert not any(seen)


def test_garbage_collection_comes_back_after_an_exception():
    def fail(world):
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        World(fail).sample()
    assert gc.isenabled()


def test_progress_rises_to_the_end():
    shares = []
    World(lambda world: 10_000_000 * (1 + 0.1 * (world.cluster % 2))).sample(
        Plan(target=0.001, time_budget_s=2.0), progress=shares.append
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
