"""What is shown of validations while they run, and of the twins of their networks."""

import re
import warnings

import pytest

from resbench.accuracy.journal import EvaluationInterrupted
from resbench.records.record import Gap, TwinFigure
from resbench.report import evaluation as report


def test_the_bar_begins_anew_with_every_pass_and_tells_what_is_kept(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal to rich
    monkeypatch.setenv("COLUMNS", "120")

    def cut_off():
        with report.validating_progress() as update:
            update("evaluating", 4, 4, 1)
            warnings.warn_explicit("odd but readable", UserWarning, "Image.py", 1, module="PIL.Image")
            update("evaluating", 2, 8, 1)
            update("evaluating", 4, 8, 1)
            raise EvaluationInterrupted(4, "")

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "4/8" in shown
    assert "top-1 25.00 %" in shown
    assert "interrupted; 4 images are kept, and the same command continues from there" in shown
    with report.validating_progress() as update:
        update("resuming", 3, 9, 1)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "resuming: 3 of 9 images were evaluated by an earlier run" in shown
    assert "3/9" in shown
    for stop, told in (
        (
            EvaluationInterrupted(4, "/x: disk full"),
            "nothing is kept (/x: disk full), so the same command starts from the beginning",
        ),
        (
            KeyboardInterrupt(),
            "interrupted; run the same command again: it continues from the answers that are kept, if there are any",
        ),
    ):
        with pytest.raises(KeyboardInterrupt), report.validating_progress():
            raise stop
        assert told in " ".join(capsys.readouterr().err.split())
    with report.validating_progress(quiet=True) as update:
        update("evaluating", 1, 1, 1)
    assert capsys.readouterr().err == ""


def test_of_twins_that_do_better_the_best_restores(capsys):
    def twin(what, right, command=None):
        return TwinFigure(what=what, top1_right=right, gained=right, lost=0, command=command)

    found = (twin("right", 90, "resbench validate --mean 0 0 0 net"), twin("partly", 40), twin("wrong", 3))
    report.show_gap("net", Gap(images=100, top1_right=1, twins=found))
    shown = capsys.readouterr().err
    rows = [line.split("│") for line in shown.splitlines() if "│" in line]
    assert [row[6].strip() for row in rows] == ["", "restores", "better", ""]
    assert shown.endswith("to validate like this: resbench validate --mean 0 0 0 net\n")
    report.show_gap("net", Gap(images=100, top1_right=1, twins=found[1:]))
    assert "partly: no option validates like this; change the network or convert the" in capsys.readouterr().err
    report.show_gap("net", Gap(images=100, top1_right=1, twins=found[2:]))
    assert capsys.readouterr().err.endswith("none of these is significantly better\n")
