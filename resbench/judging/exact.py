"""What can be judged without statistics: counts, hashes, peak memory."""

from collections.abc import Iterator
from dataclasses import asdict, replace

from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Limits
from resbench.records.record import Counts, Memory, Profile, Record, Series


def count_findings(before: Counts, after: Counts, record: str, network: str, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for every count that differs, and for the parameters and multiply-adds in any case.

    What `before` was made without is left out: it is no older side of anything.
    """
    if before.input_px != after.input_px:
        why = f"counted at {before.input_px} px against {after.input_px} px; give equal --input-px"
        yield incomparable(record, network, why, metric="counts")
        return
    if before == after:
        yield from (_counted(name, value, value, record, network, limits) for name, value in _always(before).items())
        return
    old, new, always = _flat(before), _flat(after), _always(before)
    for metric, value in old.items():
        if value is not None and (value != new[metric] or metric in always):
            yield _counted(metric, value, new[metric], record, network, limits)


def weights(before: Record, after: Record, record: str, limits: Limits) -> Iterator[Finding]:
    """Yield a finding when both sides used a checkpoint: is it the same file?"""
    old, new = before.weights_sha256, after.weights_sha256
    if old is None or new is None:
        return
    same = old == new
    permitted = same or limits.weights == "any"
    yield Finding(
        record=record,
        network=after.network,
        metric="weights sha256",
        before=None,
        after=None,
        verdict=Verdict.OK if permitted else Verdict.REGRESSED,
        why="equal" if same else f"another checkpoint under the same name: {old[:8]} -> {new[:8]}",
    )


def memories(before: Profile, after: Profile, record: str, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for every peak of memory that was measured before."""
    partners = {memory.batch_size: memory for memory in after.memory}
    for memory in before.memory:
        partner = partners.get(memory.batch_size)
        if partner is None:
            why = f"memory at batch {memory.batch_size} was not measured on the new side; measure it again"
            yield incomparable(record, after.network, why, metric=f"memory b{memory.batch_size}")
            continue
        for kind, limit in (("allocated", limits.allocated_memory), ("resident", limits.resident_memory)):
            if getattr(memory, f"{kind}_bytes") is not None or getattr(partner, f"{kind}_bytes") is not None:
                yield _memory(memory, partner, record, after.network, kind, limit)


def kernels(before: Profile, after: Profile, record: str, limits: Limits) -> Iterator[Finding]:
    """Yield findings for the kernels of every batch size at which they were counted before.

    Kernels that run from a graph are more than its launches, and then judged for themselves too.
    """
    partners = {kernels.batch_size: kernels for kernels in after.kernels or ()}
    for kernel in before.kernels or ():
        partner = partners.get(kernel.batch_size)
        metric = f"kernel launches b{kernel.batch_size}"
        if partner is None:
            why = "were not counted on the new side; measure it again"
            yield incomparable(record, after.network, why, metric=metric)
            continue
        yield _kernels(metric, kernel.launches, partner.launches, record, after.network, limits)
        if kernel.kernels != kernel.launches or partner.kernels != partner.launches:
            yield _kernels(
                f"kernels b{kernel.batch_size}", kernel.kernels, partner.kernels, record, after.network, limits
            )


def same(before: Counts, after: Counts) -> bool:
    """Tell whether all counts agree that both sides have: a run from before something was counted stays of use."""
    if before == after:
        return True
    old, new = _flat(before), _flat(after)
    equal = all(old[key] == new[key] for key in old if None not in (old[key], new[key]))
    return equal and before.input_px == after.input_px


def incomparable(record: str, network: str, why: str, *, metric: str = "record") -> Finding:
    """Return the finding that two sides cannot be compared, or that one is missing."""
    return Finding(
        record=record,
        network=network,
        metric=metric,
        before=None,
        after=None,
        verdict=Verdict.NOT_COMPARABLE,
        why=why,
    )


def obstacle_to_comparing(before: Profile, after: Profile) -> str:
    """Return what forbids to compare the timings of two records, or nothing."""
    old, new = ((side.environment.machine, side.settings, side.engine) for side in (before, after))
    return "" if old == new else differences(run_facts(before), run_facts(after))  # equal for nearly all of thousands


def run_facts(record: Record) -> dict[str, object]:
    """Return by name what must agree before two timings may be compared: machine, settings, runtime."""
    engine = {**record.engine.versions, "providers": ", ".join(record.engine.providers), **record.engine.options}
    return asdict(record.environment.machine) | asdict(record.settings) | engine


def images_difference(before: Series, after: Series) -> str:
    """Return what makes the images that fed two end-to-end speeds, or their preparation, others; or nothing."""
    old, new = before.pipeline, after.pipeline
    if old is None or new is None:
        return "" if old is new else "one side does not say which"
    return differences(
        *(asdict(evaluation.pixels) | asdict(evaluation) | {"pixels": None} for evaluation in (old, new))
    )


def differences(before: dict[str, object], after: dict[str, object]) -> str:
    """Return "threads 2 -> 4, opset none -> 18" for the keys whose values differ, or which one side lacks.

    Empty when all agree.
    """
    pairs = {key: (before.get(key), after.get(key)) for key in before | after}
    return ", ".join(f"{key} {_word(old)} -> {_word(new)}" for key, (old, new) in pairs.items() if old != new)


def _word(value: object) -> str:
    return "none" if value in (None, "") else str(value)


def _count(old: int, new: int | None, limit: float) -> tuple[Verdict, str]:
    if new is None:
        return Verdict.INCONCLUSIVE, "was not counted on the new side; measure it again"
    if old == new:
        return Verdict.OK, "equal"
    change = f"changed by {new - old:+,}"
    if abs(new - old) <= limit * old:
        return Verdict.OK, f"{change}, within {limit:.2%}"
    return Verdict.REGRESSED, f"{change}; {f'at most {limit:.2%} is permitted' if limit else 'must be equal'}"


def _flat(counts: Counts) -> dict[str, int | None]:
    """Return every number of `counts` by name, those of the terms as "terms.conv"."""
    plain = asdict(counts)
    del plain["input_px"]
    terms = {f"terms.{key}": value for key, value in plain.pop("terms").items()}
    height, width = plain.pop("receptive_field_px") or (None, None)
    fields = {"receptive_field_px.height": height, "receptive_field_px.width": width}
    del plain["params"], plain["inputs"]
    uncounted = {"uncounted calls": sum(plain.pop("uncounted").values())}
    return {**_always(counts), **plain, **fields, **uncounted, **terms}


def _always(counts: Counts) -> dict[str, int]:
    """Return the counts that are shown whether they differ or not."""
    return {"params": counts.params, "macs": counts.terms.macs}


def _memory(before: Memory, after: Memory, record: str, network: str, kind: str, limit: float) -> Finding:
    old, new = getattr(before, f"{kind}_bytes"), getattr(after, f"{kind}_bytes")
    metric = f"{kind} memory b{before.batch_size}"
    if min(old or 0, new or 0) <= 0:
        return incomparable(record, network, "was measured on one side only; measure again", metric=metric)
    change = new / old - 1
    verdict = Verdict.OK if abs(new - old) <= limit * old else Verdict.REGRESSED if new > old else Verdict.IMPROVED
    return Finding(
        record=record,
        network=network,
        metric=metric,
        unit="B",
        before=old,
        after=new,
        verdict=verdict,
        why=f"{change:+.2%}",
        limit=limit,
        detectable=limit,
    )


def _kernels(metric: str, old: int, new: int, record: str, network: str, limits: Limits) -> Finding:
    counted = _counted(metric, old, new, record, network, limits)
    return replace(counted, verdict=Verdict.IMPROVED) if counted.verdict == Verdict.REGRESSED and new < old else counted


def _counted(metric: str, old: int, new: int | None, record: str, network: str, limits: Limits) -> Finding:
    verdict, why = _count(old, new, limits.counts)
    return Finding(
        record=record,
        network=network,
        metric=metric,
        before=old,
        after=new,
        verdict=verdict,
        why=why,
        limit=limits.counts,
        detectable=limits.counts,
    )
