"""Profiles put together: launches, batch sizes found, training, and what is measured again."""

from importlib import import_module

import msgspec
import pytest

from resbench.bench import profiling, subject
from resbench.errors import ResbenchError
from resbench.records import store
from resbench.records.record import Memory
from resbench.timing import speeds
from resbench.zoo import find
from tests.test_running_arm import TINY

QUICK = {"input_px": 32, "threads": 1, "time_budget_s": 0.1}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Fresh processes are tested in test_running_fresh; here their functions run in this one, on plain values."""
    asked = []

    def call(function, argument):
        asked.append(function.rpartition(":")[2])
        module, _, name = function.partition(":")
        plain = msgspec.json.decode(msgspec.json.encode(argument))
        return msgspec.json.decode(msgspec.json.encode(getattr(import_module(module), name)(plain)))

    monkeypatch.setattr(profiling.fresh, "call", call)
    monkeypatch.setattr(profiling.ceilings, "measure", lambda *_: None)
    monkeypatch.setattr(speeds, "WARMUP_S", {"cpu": 0.0})
    monkeypatch.setattr(speeds, "WINDOW_S", 0.0)
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))
    return asked


def test_several_launches_become_one_series_each(in_this_process):
    record = profiling.profile("tiny", batch_sizes=(1,), launches=3, **QUICK)
    assert in_this_process.count("launch") == 3
    assert [len(series.launches) for series in record.series] == [3, 3]
    assert {series.calls for series in record.series if series.speed == "latency"} == {1}


def test_auto_is_found_in_a_process_of_its_own_and_recorded_as_asked(in_this_process, monkeypatch):
    monkeypatch.setattr(subject.speeds, "rate", lambda arm, size: float(min(size, 4)))
    record = profiling.profile("tiny", batch_sizes=("auto",), **QUICK)
    assert in_this_process[0] == "widest"
    assert {(series.batch_size, series.batch_size_asked) for series in record.series} == {(4, "auto")}
    assert store.path_of(record).name.endswith("-bauto.json")


def test_the_memory_of_every_batch_size_is_that_of_its_own_process(in_this_process):
    record = profiling.profile("tiny", batch_sizes=(2, 1), **QUICK)
    assert in_this_process.count("resident") == 2
    assert [memory.batch_size for memory in record.memory] == [1, 2]
    assert all(isinstance(memory, Memory) and memory.resident_bytes for memory in record.memory)


def test_training_is_measured_in_its_parts_and_kept_apart():
    record = profiling.profile("tiny", batch_sizes=(2,), train=True, **QUICK)
    assert [series.speed for series in record.series] == list(speeds.PHASES)
    assert "-train-" in store.path_of(record).name
    assert record.output_difference is None


def test_a_batch_that_batch_norm_cannot_learn_from_is_one_line():
    with pytest.raises(ResbenchError, match="batch size 1: too small for batch norm"):
        profiling.profile("resnet18", batch_sizes=(1,), train=True, **QUICK)


def test_settings_that_change_the_arithmetic_record_how_far_outputs_move():
    record = profiling.profile("tiny", batch_sizes=(1,), fuse=True, **QUICK)
    assert 0 < record.output_difference < 1e-4
    assert record.settings.fuse


def test_a_saved_record_counts_as_finished_only_for_the_same_settings(tmp_path):
    def outcomes(**changes):
        return list(
            profiling.profile_each(["tiny"], root=tmp_path, resume=True, **{**QUICK, "batch_sizes": (1,), **changes})
        )

    (first,) = outcomes()
    (again,) = outcomes()
    assert again.record.run == first.record.run
    assert again.path == first.path
    for change in ({"fuse": True}, {"batch_sizes": (2,)}, {"input_px": 64}):
        (other,) = outcomes(**change)
        assert other.path != first.path, change


def test_a_checkpoint_is_measured_with_its_weights_and_named(tmp_path):
    import torch

    import resbench

    torch.save(resbench.build("tiny").state_dict(), tmp_path / "mine.pth")
    record = profiling.profile("tiny", weights=str(tmp_path / "mine.pth"), batch_sizes=(1,), **QUICK)
    assert record.weights == "mine.pth"
    assert len(record.weights_sha256) == 64


def test_fresh_weights_are_the_same_every_time_and_the_generator_is_left_alone():
    import torch

    before = torch.random.get_rng_state()
    first, _ = subject.fresh_network("tiny", seed=1)
    second, _ = subject.fresh_network("tiny", seed=1)
    other, _ = subject.fresh_network("tiny", seed=2)
    assert torch.equal(first.fc.weight, second.fc.weight)
    assert not torch.equal(first.fc.weight, other.fc.weight)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("text", ["", "1,", "0", "-1", "1.5", "max", "１"])
def test_batch_sizes_that_are_none_are_refused(text):
    with pytest.raises(ResbenchError, match="batch size"):
        profiling.parse_batch_sizes(text)


def test_batch_sizes_are_read_in_order_and_once():
    assert profiling.parse_batch_sizes("8,1,auto,8") == (8, 1, "auto")
    assert profiling.parse_batch_sizes(None) == ()


def test_patterns_and_checkpoints_stand_for_networks():
    assert profiling.chosen(["resnet1[08]*"], every=False)[0].startswith("resnet1")
    assert profiling.chosen(["gluon_seresnext50_32x4d"], every=False) == ["seresnext50_32x4d"]
    assert len(profiling.chosen([], every=True)) > 12
