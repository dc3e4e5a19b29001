"""Which machine of a sweep is slower than the others of its kind."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from resbench.judging.peers import slow_machines
from resbench.records.record import Ceilings
from tests.examples import MACHINE, PROFILE


def profiles(times_ns, **changes):
    best = [Ceilings(matmul_size=8, matmul_ns=(round(time),), copy_bytes=8, copy_ns=(500,)) for time in times_ns]
    return [replace(PROFILE, ceilings=ceilings, **changes) for ceilings in best]


def drawn(seed, middle, count=6):
    return np.random.default_rng(seed).lognormal(np.log(middle), 0.01, count)


def test_a_slow_machine_is_found_with_welchs_interval():
    times = {"a": drawn(1, 1e6), "b": drawn(2, 1e6), "slow": drawn(3, 1.3e6)}
    (slow,) = slow_machines({host: profiles(own) for host, own in times.items()})
    assert (slow.host, slow.what, slow.records, slow.peers) == ("slow", "matrix product", 6, 2)
    rounded = {host: np.log(np.round(own)) for host, own in times.items()}
    peers = np.concatenate([rounded["a"], rounded["b"]])
    interval = stats.ttest_ind(rounded["slow"], peers, equal_var=False).confidence_interval()
    assert (slow.low, slow.high) == pytest.approx((np.exp(interval.low), np.exp(interval.high)))
    assert slow.low < slow.ratio < slow.high


def test_equal_machines_are_rarely_called_slow():
    alarms = sum(bool(slow_machines({h: profiles(drawn(10 * s + h, 1e6)) for h in range(4)})) for s in range(40))
    assert alarms == 0


def test_machines_of_different_kinds_or_with_one_record_are_not_compared():
    other = replace(PROFILE.environment, machine=replace(MACHINE, device_name="Another CPU"))
    assert slow_machines({"a": profiles([1e6, 1e6]), "b": profiles([2e6, 2e6], environment=other)}) == []
    assert slow_machines({"a": profiles([1e6, 1.01e6]), "b": profiles([2e6])}) == []
    assert slow_machines({"a": profiles([1e6, 1e6])}) == []
    assert slow_machines({"a": [PROFILE], "b": [PROFILE]}) == []
