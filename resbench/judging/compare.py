"""Records paired with their baseline by path: what changed, what cannot be told, what is missing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from resbench.judging import accuracy, answers, exact
from resbench.judging.exact import incomparable
from resbench.judging.family import Timed, judge_together
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Config, Limits
from resbench.judging.timings import timings
from resbench.records.record import Evaluation, Profile, Record
from resbench.records.runs import Predictions

Runs = Sequence[Record]  # of one path, oldest first


def _none(_: str) -> tuple[None, None]:
    return None, None


def compare_folders(
    before: Mapping[str, Runs],
    after: Mapping[str, Record],
    config: Config | None = None,
    *,
    whole: bool = True,
    committed: bool = False,
    predictions: Predictions = _none,
) -> list[Finding]:
    """Compare every record of `after` with the runs at its path in `before`; all timings are one family.

    A record that only one side has is a finding too. Unless `before` is the `whole` past of `after`, that goes only
    for machines that `after` has: a pool may hold other machines' runs. `predictions` reads those of both sides. Where
    `before` is what was `committed`, a record that is as it was committed last is not judged by earlier ones.
    """
    config = config or Config()
    machines = {_machine(path) for path in after}
    findings: list[Finding | Timed] = []
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            findings.append(_new(path, after[path], config.of(after[path].network)))
        elif path in after:
            limits = config.of(after[path].network)
            runs = before[path]
            if committed and runs[-1] == after[path]:
                runs = runs[-1:]
            findings.extend(_compare(runs, after[path], path, limits, partial(predictions, path)))
        elif whole or _machine(path) in machines:
            why = "the new side lacks this record; measure it again with --save"
            findings.append(incomparable(path, before[path][-1].network, why))
    return _settled(findings)


def compare(before: Record, after: Record, name: str, limits: Limits | None = None) -> list[Finding]:
    """Return what changed from `before` to `after`, at least one finding; `name` is what they are reported under."""
    return _settled(_compare([before], after, name, limits or Limits(), lambda: (None, None)))


def _compare(
    runs: Runs, after: Record, name: str, limits: Limits, predictions: Callable[[], tuple[bytes | None, bytes | None]]
) -> Iterator[Finding | Timed]:
    before = runs[-1]
    if before.network == after.network and before.kind == after.kind and (why := _another_network(before, after)):
        yield incomparable(name, after.network, why)
        return
    match before, after:
        case Profile(), Profile() if before.network == after.network:
            yield from exact.count_findings(before.counts, after.counts, name, after.network, limits)
            yield from exact.weights(before, after, name, limits)
            yield from _measured([run for run in runs if isinstance(run, Profile)], after, name, limits)
        case Evaluation(), Evaluation() if before.network == after.network:
            yield from exact.weights(before, after, name, limits)
            moved = answers.changed(*predictions(), before, after)
            yield from accuracy.accuracies(before, after, name, limits, moved)
            yield from accuracy.reproduction_findings(before, after, name, limits)
        case _:
            kinds = f"{before.kind} of {before.network} against {after.kind} of {after.network}"
            why = f"different things: {kinds}; give two records of the same network and kind"
            yield incomparable(name, after.network, why)


def _another_network(before: Record, after: Record) -> str:
    """Return why two records of one name are of different networks, which nothing can be compared of; empty: they are
    not. A network of the shipped table is known by its name, one from elsewhere by its structure."""
    if isinstance(before, Profile) and isinstance(after, Profile) and before.classes != after.classes:
        return f"heads of {before.classes or 'its own'} and {after.classes or 'its own'} classes; compare equal ones"
    old, new = (record.origin.structure_sha256 if record.origin else "the table's" for record in (before, after))
    if old == new:
        return ""
    changed = f"structure {old[:8]} -> {new[:8]}" if before.origin and after.origin else "one is of the shipped table"
    return f"another network of the same name ({changed}); give it another name, or save a new baseline"


def _measured(pool: Sequence[Profile], after: Profile, name: str, limits: Limits) -> Iterator[Finding | Timed]:
    yield from timings(pool, after, name, limits)
    alike = [run for run in pool if not exact.obstacle_to_comparing(run, after)]
    if alike:  # else the timings have said why not
        yield from exact.memories(alike[-1], after, name, limits)
        yield from exact.kernels(alike[-1], after, name, limits)


def _new(path: str, record: Record, limits: Limits) -> Finding:
    why = (
        "no baseline has this record; commit it, add it with `resbench baseline save`, "
        'or let new ones pass: new_records = "inconclusive"'
    )
    return Finding(
        record=path,
        network=record.network,
        metric="record",
        before=None,
        after=None,
        verdict=Verdict(limits.new_records),
        why=why,
    )


def _settled(findings: Iterable[Finding | Timed]) -> list[Finding]:
    items = list(findings)
    family = [item for item in items if isinstance(item, Timed)]
    return [item for item in items if isinstance(item, Finding)] + list(judge_together(family) if family else ())


def _machine(path: str) -> str:
    return path.partition("/")[0]
