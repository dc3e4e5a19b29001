"""What the doctor says of a set of images."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from resbench import units
from resbench.accuracy.dataset import SHOWN, Symptom
from resbench.accuracy.doctor import Diagnosis
from resbench.report import evaluation, terminal


def show_diagnosis(diagnosis: Diagnosis, *, as_json: bool) -> None:
    """Print what the set is and what is wrong with it, to stdout."""
    images = diagnosis.images
    facts = asdict(images.describe()) | {"images_per_class": [diagnosis.fewest, diagnosis.most]}
    if as_json:
        terminal.print_json(facts | {"healthy": diagnosis.healthy, "symptoms": diagnosis.symptoms})
        return
    console = terminal.results_console()
    per_class = "each" if diagnosis.fewest == diagnosis.most else f"to {diagnosis.most} each"
    console.print(
        terminal.titled(
            images.name,
            f": {units.integer(facts['images'])} images of {facts['classes']} classes "
            f"({diagnosis.fewest} {per_class}), {images.layout}",
        )
    )
    console.print(f"fingerprint {images.fingerprint}", soft_wrap=True)
    if diagnosis.symptoms:
        console.print(_table(diagnosis))
    console.print("can be evaluated" if diagnosis.healthy else "cannot be evaluated as it is")


@contextmanager
def checking_progress(total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield what takes the number of images looked at."""
    with evaluation.validating_progress(quiet=quiet) as update:
        yield lambda done: update("checking", done, total, None)


def _table(diagnosis: Diagnosis) -> Table:
    out = Table("", "what", "files", "for example", "what to do")
    for symptom in diagnosis.symptoms:
        out.add_row(
            Text("error", "red") if symptom.fatal else "note",
            symptom.what,
            units.integer(len(symptom.files)) if symptom.files else "",
            _examples(symptom),
            symptom.remedy,
        )
    return out


def _examples(symptom: Symptom) -> str:
    more = ", ..." if len(symptom.files) > SHOWN else ""
    return ", ".join(symptom.files[:SHOWN]) + more
