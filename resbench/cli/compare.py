"""`resbench compare`."""

from pathlib import Path
from typing import Annotated

from resbench.cli import options


def compare_(
    subjects: Annotated[
        list[str],
        options.network_argument("Two or more networks, checkpoints, records, or folders of records."),
    ],
    results: options.Results = Path("results"),
    as_json: options.AsJson = False,
) -> None:
    """Show networks, checkpoints or records side by side.

    Compares architecture, counts, speeds and accuracy. Rows that differ are marked, and ratios and differences are to
    the first. Nothing is measured: speeds and accuracies are those of the records that are named, or of those below
    --results that the networks have in common. A difference of accuracy is tested image by image where both validations
    kept their predictions. `resbench ab` measures two networks in turn, and so finds smaller differences of speed.

    \b
    Examples:
      resbench compare resnet50 resnext50_32x4d
      resbench compare resnet50 seresnet50 resnext50_32x4d --results results
      resbench compare results/cpu-epyc/resnet50/profile-fp32-....json results/cpu-epyc/resnet50/profile-bf16-....json
    """
    from resbench.bench.subjects import compared
    from resbench.errors import ResbenchError
    from resbench.report import abreast

    if len(subjects) < 2:
        raise ResbenchError(f"{subjects[0]}: nothing to compare it with; give two or more, as `resbench compare A B`")
    abreast.show_abreast(compared(subjects, results), as_json=as_json)
