"""Records that nobody could have measured, given to everything that reads records: one line, or an answer."""

import contextlib
import fcntl
import io
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from resbench.cards import facts, measured
from resbench.errors import ResbenchError
from resbench.judging.compare import compare
from resbench.judging.history import has_samples, traces
from resbench.records import pool, runs
from resbench.records.files import content, json_names, write_bytes
from resbench.records.jsonio import loads, read_record
from resbench.records.record import Evaluation, Record
from resbench.records.store import evaluations, path_of, read_folder, save
from resbench.report import evaluation, exports, findings, history, profile, stats
from resbench.zoo.find import find
from tests.examples import EVALUATION, PROFILE
from tests.made import damaged


def everything(record: Record, folder) -> None:
    """Do with a record what the commands do."""
    pool.add(record, folder)
    old = EVALUATION if isinstance(record, Evaluation) else PROFILE
    for before, after in ((record, record), (old, record), (record, old)):
        found = compare(before, after, path_of(record).as_posix())
        findings.show_findings(found, as_json=False)
        findings.show_findings(found, as_json=True)
    runs = {"a.json": [old, record]}
    history.show_history(traces(runs), as_json=False)
    for export in exports.FORMATS.values():
        export(runs)
    with contextlib.suppress(ResbenchError):  # "holds no timings"
        stats.show_stats({folder: {"a.json": record}}, as_json=False)
    card = facts.gather(find("resnext50_32x4d"), {"a.json": record})
    (
        measured.speed_tables(card),
        measured.accuracy_tables(card),
        list(measured.provenance(card)),
        measured.throughputs(card),
    )
    if isinstance(record, Evaluation):
        shown = evaluations({"a.json": record})
        for one in shown.values():
            evaluation.evaluation_sheet(one)
    else:
        profile.profile_sheet(replace(record, series=tuple(filter(has_samples, record.series))))


def tally(texts, folder) -> dict[str, int]:
    """Read each of `texts` and do everything with it; count those refused."""
    counts = {"refused": 0, "used": 0}
    for number, text in enumerate(texts):
        try:
            record = loads(text, "a.json")
        except ResbenchError as error:
            counts["refused"] += len(str(error).splitlines())
            continue
        counts["used"] += 1
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                everything(record, folder / str(number % 50))
            except ResbenchError as error:
                assert len(str(error).splitlines()) == 1  # noqa: PT017
            except Exception as error:
                error.add_note(text)
                raise
    return counts


def test_a_damaged_record_is_refused_in_one_line_or_used_without_a_crash(tmp_path):
    counts = tally(damaged(40), tmp_path)
    assert counts["refused"] + counts["used"] == 40  # a message of two lines would count twice
    assert min(counts["refused"], counts["used"]) > 5


@pytest.mark.nightly
def test_ten_thousand_damaged_records_are_refused_in_one_line_or_used(tmp_path):
    counts = tally(damaged(10_000, seed=2026), tmp_path)
    assert counts["refused"] + counts["used"] == 10_000


@pytest.fixture
def crowded(tmp_path):
    """A folder with one record, and everything else that can be called *.json."""
    save(PROFILE, tmp_path)
    os.mkfifo(tmp_path / "pipe.json")
    with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.json")
    (tmp_path / "device.json").symlink_to("/dev/zero")
    (tmp_path / "nowhere.json").symlink_to("missing")
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "folder.json").mkdir()
    return tmp_path


@pytest.mark.timeout(20)  # a pipe that was opened would wait for ever
def test_special_files_in_a_folder_of_records_are_skipped_and_named(crowded, caplog):
    for read_all in (read_folder, runs.read_pool, runs.read_new):
        caplog.clear()
        assert len(read_all(crowded)) == 1
        for name, kind in (
            ("pipe", "a pipe"),
            ("socket", "a socket"),
            ("device", "a device"),
            ("nowhere", "a link to nothing"),
            ("loop", "symbolic links"),
            ("folder", "a folder"),
        ):
            assert any(f"{name}.json: " in line and kind in line for line in caplog.messages), name


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "name", ["pipe.json", "socket.json", "device.json", "nowhere.json", "loop.json", "folder.json"]
)
def test_a_special_file_given_by_name_is_refused_in_one_line(crowded, name):
    with pytest.raises(ResbenchError, match=rf"{name}: .*; give a record") as caught:
        read_record(crowded / name)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_listed_is_no_folder_without_records(tmp_path, monkeypatch):
    save(PROFILE, tmp_path)

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(ResbenchError, match="Permission denied; make the folder readable"):
        json_names(tmp_path)


def test_a_file_larger_than_any_record_is_not_read_into_memory(tmp_path):
    huge = tmp_path / "huge.json"
    with huge.open("wb") as stream:
        stream.truncate(2**40)  # sparse
    with pytest.raises(ResbenchError, match="larger than 64 MiB"):
        read_record(huge)


def test_half_written_files_of_killed_processes_are_swept_and_those_of_living_ones_kept(tmp_path):
    abandoned = tmp_path / f".{path_of(PROFILE).name}.0a1b2c3d.tmp"
    other = tmp_path / ".notes.txt.0a1b2c3d.tmp"
    writing = tmp_path / ".other.json.0a1b2c3e.tmp"
    for path in (abandoned, other, writing):
        path.write_text("half")
    with writing.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        write_bytes(tmp_path / "a.json", b"{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((other.name, writing.name, "a.json"))


def test_a_file_whose_size_the_system_does_not_tell_is_read_whole(tmp_path):
    endless = Path("/proc/self/status")
    if not endless.exists():
        pytest.skip("needs Linux")
    assert endless.stat().st_size == 0
    assert content(endless, 2**20, "").startswith(b"Name:")
    (tmp_path / "full").write_bytes(b"x" * 100)
    assert content(tmp_path / "full", 100, "") == b"x" * 100
    with pytest.raises(ResbenchError, match="larger than"):
        content(tmp_path / "full", 99, "")
