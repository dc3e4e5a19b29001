import os
import sys

import pytest

from resbench.errors import ExitCode, InvalidMeasurementError, NotComparableError
from resbench.running import fresh


def echo(argument):
    print("a library that talks")
    os.write(1, b"and one that talks behind Python's back")
    return {"argument": argument, "process": os.getpid(), "argv": sys.argv}


def refuse(argument):
    raise NotComparableError(f"{argument}: apples; give pears")


def die(argument):
    os.kill(os.getpid(), 9)


def crash(argument):
    raise ZeroDivisionError("a bug")


def test_a_function_runs_in_another_process_and_only_its_result_comes_back(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["resbench", "profile", "resnet18"])
    result = fresh.call(echo, {"batch_sizes": (1, "auto")})
    assert result["argument"] == {"batch_sizes": (1, "auto")}
    assert result["process"] != os.getpid()
    assert result["argv"] == ["resbench", "profile", "resnet18"]  # so that its records name the command


def test_errors_for_the_user_come_back_as_they_were_raised():
    with pytest.raises(NotComparableError, match=r"^basket: apples; give pears$") as raised:
        fresh.call(refuse, "basket")
    assert raised.value.exit_code == ExitCode.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("function", "words"), [(die, "killed by SIGKILL, perhaps because memory ran out"), (crash, "ZeroDivisionError")]
)
def test_a_process_that_dies_makes_the_measurement_invalid(function, words):
    with pytest.raises(InvalidMeasurementError, match=words):
        fresh.call(function, None)
