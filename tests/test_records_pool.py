import json
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records.jsonio import dumps
from resbench.records.pool import add, add_all, prune, shelves
from resbench.records.runs import is_run, read_pool, read_predictions, run_files
from resbench.records.store import path_of, save
from tests.examples import COUNTS, EVALUATION, PROFILE
from tests.test_records_runs import PATH, run


def test_the_same_run_is_added_once(tmp_path):
    assert [add(PROFILE, tmp_path), add(PROFILE, tmp_path)] == [True, False]
    assert read_pool(tmp_path) == {PATH: [PROFILE]}


def test_runs_are_in_order_whatever_their_time_zone(tmp_path):
    later, earlier = (
        replace(PROFILE, run=replace(PROFILE.run, started=f"2026-01-01T10:00:00{zone}"))
        for zone in ("+00:00", "+02:00")
    )
    add(later, tmp_path)
    add(earlier, tmp_path)
    assert read_pool(tmp_path) == {PATH: [earlier, later]}


def test_two_runs_of_one_second_are_two_runs(tmp_path):
    add(PROFILE, tmp_path)
    add(replace(PROFILE, counts=replace(COUNTS, params=1)), tmp_path)
    assert len(read_pool(tmp_path)[PATH]) == 2


def test_many_processes_add_to_one_pool_at_once_and_nothing_is_lost(tmp_path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from resbench.records.jsonio import read_record\n"
        "from resbench.records.pool import add\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()): add(read_record(path), Path(sys.argv[2]))\n"
    )
    for number in range(80):
        (tmp_path / str(number % 2)).mkdir(exist_ok=True)
        (tmp_path / str(number % 2) / f"{number:02}.json").write_text(dumps(run(number)))
    pool = tmp_path / "pool"
    jobs = [subprocess.Popen([sys.executable, "-c", program, tmp_path / str(job % 2), pool]) for job in range(4)]
    assert [job.wait() for job in jobs] == [0] * 4
    assert read_pool(pool, window=1000) == {PATH: [run(number) for number in range(80)]}
    assert not [path for path in pool.rglob("*") if path.is_file() and not is_run(path)]


def test_predictions_travel_with_their_run_and_go_with_it(tmp_path):
    new = save(EVALUATION, tmp_path / "new")
    new.with_suffix(".npz").write_bytes(b"old")
    assert add_all(tmp_path / "new", tmp_path / "pool") == 1
    new.with_suffix(".npz").write_bytes(b"new")
    path = path_of(EVALUATION).as_posix()
    assert read_predictions(str(tmp_path / "pool"), tmp_path / "new")(path) == (b"old", b"new")
    assert read_predictions(str(tmp_path / "pool"), new)(path) == (b"old", b"new")
    later = replace(EVALUATION, run=replace(EVALUATION.run, started="2027-01-01T00:00:00+00:00"))
    add(later, tmp_path / "pool")
    assert read_predictions(str(tmp_path / "pool"), new)(path) == (None, b"new")
    assert prune(tmp_path / "pool", 1) == 1
    assert [file.suffix for file in (tmp_path / "pool").rglob("*") if file.is_file()] == [".json"]


def test_pools_merge_and_what_both_have_is_there_once(tmp_path):
    for number, pool in ((0, "a"), (1, "a"), (1, "b"), (2, "b")):
        add(run(number), tmp_path / pool)
    done = CliRunner().invoke(
        app, ["baseline", "merge", str(tmp_path / "a"), str(tmp_path / "b"), "--pool", str(tmp_path / "c")]
    )
    assert done.exit_code == 0, done.output
    assert "added 3 runs" in done.stderr
    assert read_pool(tmp_path / "c") == {PATH: [run(0), run(1), run(2)]}
    assert add_all(tmp_path / "c", tmp_path / "a") == 1


def test_pruning_keeps_the_newest_of_every_record(tmp_path):
    for number in range(5):
        add(run(number), tmp_path)
    add(EVALUATION, tmp_path)
    assert CliRunner().invoke(app, ["baseline", "prune", "--pool", str(tmp_path), "--keep", "2"]).exit_code == 0
    assert read_pool(tmp_path) == {PATH: [run(3), run(4)], path_of(EVALUATION).as_posix(): [EVALUATION]}
    assert prune(tmp_path, 2) == 0


def test_a_run_that_another_job_prunes_meanwhile_is_not_missed(tmp_path):
    add(run(0), tmp_path / "pool")
    (file,) = run_files(tmp_path / "pool")[PATH]
    file.with_name("20270101T000000Z-0123456789ab.json").symlink_to(tmp_path / "gone")
    assert [shelf.runs for shelf in shelves(tmp_path / "pool")] == [1]
    assert add_all(tmp_path / "pool", tmp_path / "other") == 1


def test_what_a_pool_holds_is_listed(tmp_path):
    for number in range(3):
        add(run(number), tmp_path)
    done = CliRunner().invoke(app, ["baseline", "list", "--pool", str(tmp_path), "--json"])
    assert json.loads(done.stdout) == [
        {
            "path": PATH,
            "network": "resnext50_32x4d",
            "runs": 3,
            "oldest": run(0).run.started,
            "newest": run(2).run.started,
        }
    ]
    shown = CliRunner().invoke(app, ["baseline", "list", "--pool", str(tmp_path)]).stdout
    assert "2026-01-01 00:02" in shown


def test_an_unreadable_record_leaves_the_pool_as_it_was(tmp_path):
    save(PROFILE, tmp_path / "new")
    (tmp_path / "new" / "z.json").write_text("{")
    with pytest.raises(ResbenchError, match="not JSON"):
        add_all(tmp_path / "new", tmp_path / "pool")
    assert not (tmp_path / "pool").exists()


def test_a_pool_that_is_not_there_is_an_error_that_says_what_to_do(tmp_path):
    for call in (lambda: list(shelves(tmp_path / "none")), lambda: prune(tmp_path / "none", 3)):
        with pytest.raises(ResbenchError, match="baseline save"):
            call()
    with pytest.raises(ResbenchError, match="holds no records"):
        add_all(tmp_path / "none", tmp_path / "pool")
