"""Validations of a sweep whose images several processes share, as torchrun starts them."""

import json
from types import SimpleNamespace

import pytest
import torch

from resbench.accuracy.distributed import LostRankError
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.running.fresh import DiedError
from resbench.sweep import ranked
from tests import sweeps
from tests.sweeps import asked, counts, died, sweep


@pytest.fixture
def rank(monkeypatch, tmp_path):
    """Be rank 1 of 2, whose validation raises what it is given; returns the exit code."""

    def run(error):
        def validated(_):
            raise error

        monkeypatch.setattr(ranked, "validated", validated)
        with pytest.raises(SystemExit) as ended:
            ranked._rank(None, 2, ["resbench", "sweep"], tmp_path)
        return ended.value.code

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(ranked, "keep_memory", lambda: None)
    monkeypatch.setattr(ranked.sys, "argv", [])
    threads = torch.get_num_threads()
    yield run
    torch.set_num_threads(threads)


def failure(code, name="SIGKILL"):
    return SimpleNamespace(get_first_failure=lambda: (0, SimpleNamespace(exitcode=code, signal_name=lambda: name)))


@pytest.mark.parametrize("error", [ResbenchError("w.pth: no such file"), InvalidMeasurementError("not finite")])
def test_the_reason_of_a_rank_is_the_reason_of_the_job(rank, tmp_path, error):
    assert rank(error) == error.exit_code
    why = ranked._why(tmp_path, failure(error.exit_code))
    assert (type(why), str(why)) == (type(error), str(error))


def test_a_rank_that_lost_another_one_does_not_hide_its_reason(rank, tmp_path):
    assert rank(LostRankError("rank 1: another rank has stopped")) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("code", "message"), [(-9, r"rank 0 died \(SIGKILL\)"), (1, r"rank 0 died \(exit code 1\)")])
def test_a_rank_that_died_is_a_process_that_died(tmp_path, code, message):
    with pytest.raises(DiedError, match=message):
        raise ranked._why(tmp_path, failure(code))


@pytest.mark.nightly
def test_two_ranks_of_which_one_is_killed_count_what_one_process_counts(tmp_path, monkeypatch):
    """A rank is killed (-9), the job is tried again; a file that is no checkpoint fails alone, for its own reason."""
    here = sweeps.folder(tmp_path, monkeypatch)
    (here / "die.SIGKILL").touch()
    words = [*asked(2), "-b", "2"]
    torch.save({"fc.weight": torch.zeros(10, 3)}, "wrong.pth")
    done = sweep(*words, "--with", "weights=wrong.pth", "--ranks", "2", "--on", "processes", "-o", "out")
    assert (done.exit_code, "2 done, 1 failed" in done.stdout) == (2, True), done.output
    assert died(here)
    jobs = json.loads(sweep("status", "-o", "out", "--json").stdout)["jobs"]
    assert [job["ending"]["attempts"] for job in jobs] == [2, 2, 2]
    assert "wrong.pth" in jobs[2]["ending"]["reason"]
    assert sweep(*words, "-o", "serial").exit_code == 0
    assert counts(here / "out") == counts(here / "serial")


@pytest.mark.nightly
def test_parts_whose_images_ranks_share_are_put_together(tmp_path, monkeypatch):
    here = sweeps.folder(tmp_path, monkeypatch)
    words = [*asked(1), "-b", "2"]
    done = sweep(*words, "--ranks", "2", "--split", "2", "-o", "out")
    assert done.exit_code == 0, done.output
    assert sweep(*words, "-o", "serial").exit_code == 0
    assert counts(here / "out") == counts(here / "serial")
