"""Profiles put together: launches, batch sizes found, training, and what is measured again."""

import pickle
from inspect import signature

import pytest

from resbench.bench import measuring, profiles, profiling, subject
from resbench.errors import ResbenchError
from resbench.records import store
from resbench.records.record import Memory
from resbench.running.settings import Running
from resbench.timing import speeds
from resbench.zoo import find
from tests.test_running_arm import TINY

QUICK = {"input_px": 32, "threads": 1, "time_budget_s": 0.1}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch, few_samples):
    """Fresh processes are tested in test_running_fresh; here their functions run in this one, on copies."""
    asked = []

    def call(function, *arguments):
        asked.append(function.__name__)
        return pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(arguments)))))

    monkeypatch.setattr(profiling.fresh, "call", call)
    monkeypatch.setattr(measuring.ceilings, "measure_ceilings", lambda *_: None)
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))
    return asked


def test_several_launches_become_one_series_each(in_this_process):
    record = profiling.profile("tiny", batch_sizes=(1,), launches=3, **QUICK)
    assert in_this_process.count("launch") == 3
    assert [len(series.launches) for series in record.series] == [3, 3]
    assert {series.calls for series in record.series if series.speed == "latency"} == {1}


def test_auto_is_found_in_a_process_of_its_own_and_recorded_as_asked(in_this_process, monkeypatch):
    monkeypatch.setattr(subject.speeds, "quick_rate", lambda arm, size: float(min(size, 4)))
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
        how = profiling.Profiling(
            running=Running(**{"input_px": 32, "threads": 1, **changes.pop("running", {})}),
            **{"time_budget_s": 0.1, "batch_sizes": (1,), **changes},
        )
        return list(profiles.profile_each([TINY], how, root=tmp_path, resume=True))

    (first,) = outcomes()
    (again,) = outcomes()
    assert again.record.run == first.record.run
    assert again.path == first.path
    for change in ({"running": {"fuse": True}}, {"batch_sizes": (2,)}, {"running": {"input_px": 64}}):
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
    first, second, other = (subject.fresh_network(TINY, seed) for seed in (1, 1, 2))
    assert torch.equal(first.fc.weight, second.fc.weight)
    assert not torch.equal(first.fc.weight, other.fc.weight)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_python_function_has_every_option_with_the_same_default():
    """The function, the options in one piece and the command's options cannot drift apart."""
    own, options = (signature(of).parameters for of in (profiling.profile, profiling.Profiling))
    running = signature(Running).parameters
    named = {name: parameter.default for name, parameter in own.items()}
    del named["network"], named["name"], named["on_progress"]  # `name` is of a module that has none
    everything = {**running, **options}
    del everything["running"]
    assert named == {name: parameter.default for name, parameter in everything.items()}


@pytest.mark.parametrize(
    ("option", "value"),
    [("fuse", True), ("channels_last", True), ("dtype", "bf16"), ("threads", 2), ("launches", 3), ("train", True)],
)
def test_every_option_of_the_python_function_reaches_the_measurement(option, value, monkeypatch):
    monkeypatch.setattr(profiling, "profiled", lambda network, how, _: (network, how))
    network, how = profiling.profile("tiny", **{option: value})
    assert network is TINY
    assert getattr(how if hasattr(how, option) else how.running, option) == value
