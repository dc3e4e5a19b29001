from dataclasses import replace

import pytest
import torch

from resbench.bench import measuring
from resbench.cards import measured
from resbench.cards.facts import gather
from resbench.judging import roofline as module
from resbench.judging.roofline import roofline
from resbench.records.record import Ceilings, Counts, Settings, Terms
from resbench.report import profile as report
from resbench.report import stats as stats_report
from resbench.timing import ceilings
from resbench.zoo.find import find
from tests.examples import PROFILE, series

# A device of 1 TFLOP/s and 100 GB/s, ridge 10 operations per byte.
CEILINGS = Ceilings(
    matmul_size=1000, matmul_ns=(2_000_000, 3_000_000), copy_bytes=10**9, copy_ns=(30_000_000, 20_000_000)
)


def counts(macs, traffic):
    return Counts(
        input_px=(8, 8), params=0, buffers=0, weights_bytes=0, activations=0, terms=Terms(conv=macs), traffic=traffic
    )


def profile(macs=10**8, traffic=10**6, **changes):
    return replace(PROFILE, counts=counts(macs, traffic), ceilings=CEILINGS, **changes)


def exactly(ms, speed="latency", batch_size=1):
    (launch,) = series().launches
    clusters = tuple(replace(cluster, wall_ns=(ms * 1_000_000,) * 3) for cluster in launch.clusters)
    return replace(series(speed), launches=(replace(launch, clusters=clusters),), batch_size=batch_size)


def test_ceilings_are_the_best_samples_and_a_copy_reads_and_writes():
    assert module.speeds(CEILINGS) == pytest.approx((1e12, 1e11))


def test_a_multiply_add_is_two_operations_and_the_batch_counts():
    found = roofline(profile(), exactly(4, batch_size=2))
    assert found.achieved_flop_per_s == pytest.approx(2 * 1e8 * 2 / 4e-3)
    assert found.achieved_bytes_per_s == pytest.approx(4 * 1e6 * 2 / 4e-3)
    assert found.intensity == pytest.approx(50)
    assert found.ridge == pytest.approx(10)


@pytest.mark.parametrize(("macs", "bound", "roof"), [(10**8, "compute", 1e12), (10**6, "memory", 5e10)])
def test_the_side_of_the_ridge_bounds(macs, bound, roof):
    found = roofline(profile(macs=macs), exactly(1))
    assert found.bound == bound
    assert found.attainable_flop_per_s == pytest.approx(roof)


@pytest.mark.parametrize(("device_ms", "waiting", "bound"), [(5, 0.5, "launch"), (9, 0.1, "compute")])
def test_a_device_that_waits_for_its_host_is_bound_by_launches(device_ms, waiting, bound):
    record = profile(series=(exactly(10), exactly(device_ms, "device_time")))
    found = roofline(record, record.series[0])
    assert found.waiting == pytest.approx(waiting)
    assert found.bound == bound


@pytest.mark.parametrize(("fed_ms", "bound"), [(20, "data"), (10, "compute"), (5, "compute")])
def test_data_is_the_limit_when_images_come_clearly_slower_than_the_network_takes_them(fed_ms, bound):
    record = profile(series=(exactly(10, "throughput", 8), exactly(fed_ms, "end_to_end", 8)))
    assert roofline(record, record.series[1]).bound == bound
    assert roofline(record, record.series[0]).bound == "compute"


def test_data_is_not_blamed_while_intervals_overlap_or_without_throughput_at_that_size():
    alone, fed = series("throughput"), series("end_to_end", scale=1.001)
    assert roofline(profile(series=(alone, fed)), fed).bound == "compute"
    slow = exactly(20, "end_to_end", 8)
    assert roofline(profile(series=(exactly(10, "throughput", 4), slow)), slow).bound == "compute"


def test_half_precision_moves_half_the_bytes():
    whole = roofline(profile(), exactly(1)).intensity
    half = profile(settings=Settings(input_px=(8, 8), dtype="bf16"))
    assert roofline(half, exactly(1)).intensity == pytest.approx(2 * whole)


def test_without_ceilings_or_traffic_or_for_training_nothing_is_said():
    assert roofline(replace(profile(), ceilings=None), exactly(1)) is None
    assert roofline(profile(traffic=None), exactly(1)) is None
    assert roofline(profile(), exactly(1, "train_backward")) is None


def test_products_grow_until_starting_them_does_not_count(monkeypatch):
    threads = []

    def timer(call, times):
        call()
        threads.append(torch.get_num_threads())
        return (5_000_000 if len(threads) < 4 else 25_000_000), 1

    monkeypatch.setattr(ceilings, "COPY_BYTES", {"cpu": 1024})
    found = ceilings.measure_ceilings(Settings(input_px=(8, 8), threads=1), torch.device("cpu"), timer)
    assert (found.matmul_size, found.copy_bytes) == (1024, 1024)
    assert len(found.matmul_ns) == len(found.copy_ns) == ceilings.SAMPLES
    assert set(threads) == {1}


def test_a_roof_below_what_the_network_reaches_is_unreliable():
    beneath, above = roofline(profile(), exactly(1)), roofline(profile(macs=10**9), exactly(1))
    assert (beneath.of_roof, beneath.reliable) == (pytest.approx(0.2), True)
    assert (above.of_roof, above.reliable) == (pytest.approx(2.0), False)


def slower(ceilings_, times):
    return replace(
        ceilings_,
        matmul_ns=tuple(times * ns for ns in ceilings_.matmul_ns),
        copy_ns=tuple(times * ns for ns in ceilings_.copy_ns),
    )


def test_the_better_parts_of_two_measurements_are_kept():
    mixed = replace(slower(CEILINGS, 2), copy_ns=(10_000_000,))
    best = ceilings.best(mixed, CEILINGS)
    assert (best.matmul_ns, best.copy_ns) == (CEILINGS.matmul_ns, mixed.copy_ns)


@pytest.mark.parametrize(("disturbed", "measured"), [(0, 1), (1, 2), (2, 3), (9, 1 + measuring.CEILING_REPEATS)])
def test_ceilings_that_the_network_exceeds_are_measured_again_but_not_for_ever(monkeypatch, disturbed, measured):
    taken = []

    def measure(settings, device):
        taken.append(settings)
        return slower(CEILINGS, 10) if len(taken) <= disturbed else CEILINGS

    monkeypatch.setattr(ceilings, "measure_ceilings", measure)
    found = measuring._ceilings(profile(series=(exactly(1),)), torch.device("cpu"))
    assert len(taken) == measured
    assert (found == CEILINGS) == (disturbed < measured)


def test_the_sheet_says_that_exceeded_ceilings_are_unreliable(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "250")
    report.profile_sheet(profile(macs=10**9, series=(exactly(1),)))
    told = capsys.readouterr()
    assert "200 %, unreliable" in told.out
    assert "note: faster than the ceilings of the same run, which are unreliable" in told.err
    report.profile_sheet(profile(series=(exactly(1),)))
    assert "unreliable" not in "".join(capsys.readouterr())


def test_every_speed_of_an_overloaded_machine_is_marked(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("COLUMNS", "250")
    conditions = replace(PROFILE.environment.conditions, noise="overloaded")
    record = replace(PROFILE, environment=replace(PROFILE.environment, conditions=conditions))
    card = gather(find(PROFILE.network), {"a.json": record})
    shown = [lambda: report.profile_sheet(record), lambda: report.profiles_table([record])]
    shown.append(lambda: stats_report.show_stats({tmp_path: {"a.json": record}}, as_json=False))
    shown.append(lambda: print(measured.speed_tables(card)))
    for show in shown:
        show()
        assert "latency, machine overloaded" in capsys.readouterr().out.replace("latency at batch 1,", "latency,")
    assert "overloaded" not in str(measured.speed_tables(gather(find(PROFILE.network), {"a.json": PROFILE})))
