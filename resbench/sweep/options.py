"""Options of jobs: they have the names and values that those of `profile` and `validate` have."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from resbench.accuracy.views import checked_tta
from resbench.bench import parse
from resbench.bench.entries import Validating
from resbench.bench.profiling import Profiling
from resbench.errors import ResbenchError, suggestion
from resbench.running.settings import Running
from resbench.sweep.jobs import Job, Kind, option_words

HOW: dict[Kind, type[Profiling] | type[Validating]] = {"profile": Profiling, "validate": Validating}
_RENAMED = {"time_budget_s": "time-budget", "batch_sizes": "batch-size"}
_OF_JOB: tuple[str, ...] = ("data", "weights")  # of a validation: arguments beside `Validating`
_LEAST = {"threads": 1, "workers": 1, "classes": 1, "launches": 1, "input-px": 1, "time-budget": 0.1, "crop-pct": 0.01}
_MOST = {"crop-pct": 1}


def option(kind: Kind, key: str, value: Any, where: str) -> Any:
    """Return `value` of the option `key` as a job keeps it.

    Raises ResbenchError, which begins with `where`, for an unknown option and for a value that it cannot have.
    """
    known = _fields(kind)
    if key not in known:
        raise ResbenchError(f"{where}: unknown option {key!r} of {kind}; {suggestion(key, known)}")
    try:
        known[key][1](value)
        if not isinstance(value, str):  # such as an input of "32x48"
            _refuse_beyond(key, value)
    except (ResbenchError, msgspec.ValidationError, ValueError, TypeError) as error:
        reason = str(error).partition(" - at ")[0]
        raise ResbenchError(f"{where}: {key} = {option_words(value)}: {reason}; see `resbench {kind} --help`") from None
    return value


def _refuse_beyond(key: str, value: Any) -> None:
    """Raise ValueError for a number that the command would not take."""
    if value < _LEAST.get(key, value):
        raise ValueError(f"at least {_LEAST[key]}")
    if value > _MOST.get(key, value):
        raise ValueError(f"at most {_MOST[key]}")


def normal(kind: Kind, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` without those that have the default's value, so that equal jobs are equal."""
    defaults = {field.name: field.default for of in (Running, HOW[kind]) for field in fields(of)}
    known = _fields(kind)
    return {key: value for key, value in options.items() if known[key][1](value) != defaults.get(known[key][0])}


def is_list(kind: Kind, key: str) -> bool:
    """Tell whether one value of the option `key` is a list of numbers, such as `mean`."""
    return kind == "validate" and key in ("mean", "std")


def profiling_of(job: Job) -> Profiling:
    """Return how a job of the kind "profile" measures."""
    return Profiling(**_arguments("profile", job.options))


def validating_of(job: Job) -> Validating:
    """Return how a job of the kind "validate" measures."""
    how = Validating(**_arguments("validate", job.options))
    tta, average = checked_tta(how.tta, how.tta_average)
    return replace(how, tta=tta, tta_average=average)


def _arguments(kind: Kind, options: Mapping[str, Any]) -> dict[str, Any]:
    running: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in options.items():
        field, read = _fields(kind)[key]
        if kind == "validate" and key in _OF_JOB:
            continue
        (running if field in _names(Running) else own)[field] = read(value)
    return {"running": Running(**running), **own}


@cache
def _fields(kind: Kind) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Return the options of `kind`: how each is called -> (its field, what reads its value)."""
    hints = get_type_hints(Running) | get_type_hints(HOW[kind])
    del hints["running"]
    known = {_RENAMED.get(name, name.replace("_", "-")): (name, _reader(hint)) for name, hint in hints.items()}
    if kind == "validate":
        known |= {key: (key, _reader(str)) for key in _OF_JOB}
        known["batch-size"] = ("batch_size", lambda value: parse.batch_size(str(value)))
        known["input-px"] = ("input_px", _reader(int))
        known["labels"] = ("labels", lambda value: (_reader(Path)(value),))
    else:
        known["batch-size"] = ("batch_sizes", lambda value: parse.batch_sizes(str(value)))
        known["input-px"] = ("input_px", lambda value: parse.input_px(str(value)))
    return known


def _names(kind: type[Any]) -> set[str]:
    return {field.name for field in fields(kind)}


def _reader(hint: Any) -> Callable[[Any], Any]:
    def path(wanted: type, value: Any) -> Any:
        if wanted is Path and isinstance(value, str):
            return Path(value)
        raise TypeError("give a path")

    return lambda value: msgspec.convert(value, hint, dec_hook=path)
