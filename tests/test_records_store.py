import os
from dataclasses import replace

import pytest

from resbench.errors import ResbenchError
from resbench.records.files import json_names, write_text
from resbench.records.jsonio import dumps, loads
from resbench.records.record import ChosenOptions
from resbench.records.store import as_asked, path_of, read_folder, save
from tests.examples import EVALUATION, MACHINE, PROFILE


def test_the_path_tells_machine_network_kind_and_settings():
    assert path_of(PROFILE).as_posix() == "cpu-example-cpu-2c/resnext50_32x4d/profile-fp32-224px-1t-b1.json"
    assert path_of(EVALUATION).as_posix() == (
        "cpu-example-cpu-2c/resnet18/evaluation-resnet18.pth-val-256-bilinear-fp32-224px.json"
    )


def test_settings_that_change_the_meaning_change_the_path():
    changed = [
        replace(PROFILE, settings=replace(PROFILE.settings, **change))
        for change in ({"dtype": "bf16"}, {"fuse": True}, {"memory_format": "channels_last"}, {"input_px": (224, 285)})
    ]
    assert len({path_of(record) for record in [PROFILE, *changed]}) == 5


def test_names_from_outside_cannot_leave_the_folder():
    machine = replace(MACHINE, device_name="../../etc/passwd")
    hostile = replace(
        EVALUATION,
        network="../../../../z",
        weights="../../../x/y.pth",
        environment=replace(EVALUATION.environment, machine=machine),
    )
    assert ".." not in path_of(hostile).parts
    assert len(path_of(hostile).parts) == 3


def test_saving_writes_the_record_and_replaces_the_older_one(tmp_path):
    path = save(PROFILE, tmp_path)
    newer = replace(PROFILE, run=replace(PROFILE.run, duration_s=2.5))
    assert save(newer, tmp_path) == path
    assert path.read_text() == dumps(newer)
    assert read_folder(tmp_path) == {path.relative_to(tmp_path).as_posix(): newer}
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "text"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 10) == b"text"
    assert pipe.is_fifo()
    os.close(reader)
    with pytest.raises(ResbenchError, match="directory"):
        write_text(tmp_path, "text")


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_text(path, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", fail)
    with pytest.raises(ResbenchError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_without_records_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(ResbenchError, match="--save"):
        read_folder(tmp_path)
    with pytest.raises(ResbenchError, match="no such file"):
        read_folder(tmp_path / "none")


def test_what_a_validation_chose_by_itself_is_no_part_of_its_path():
    options = ("fuse", "channels-last", "simplejpeg")
    chosen = replace(
        EVALUATION,
        settings=replace(EVALUATION.settings, fuse=True, memory_format="channels_last"),
        pixels=replace(EVALUATION.pixels, decoder="simplejpeg 1.8, pillow 11"),
        chosen=ChosenOptions(options=options, images=32, differing=0, difference=1e-6),
    )
    assert as_asked(chosen) == replace(EVALUATION, chosen=chosen.chosen)
    assert path_of(chosen) == path_of(EVALUATION)
    asked_for = replace(chosen, chosen=None)
    assert as_asked(asked_for) == asked_for
    assert path_of(asked_for).name.endswith("-256-bilinear-simplejpeg-pillow-fp32-224px-nhwc-fuse.json")
    assert loads(dumps(chosen)) == chosen


def test_records_are_listed_folder_by_folder_as_paths_are_sorted(tmp_path):
    names = ["a-b/x.json", "a/y.json", "a/b/c.json", "a.json", "a/notes.txt", "B/z.json", "é/1.json", "a.b/json/q.json"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [tmp_path / name for name in json_names(tmp_path)] == sorted(tmp_path.rglob("*.json"))
    assert json_names(tmp_path / "nowhere") == []
