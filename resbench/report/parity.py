"""How the answers of an exported file differ from its network's."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from resbench import units
from resbench.errors import ExitCode
from resbench.report import terminal

if TYPE_CHECKING:
    from resbench.bench.parity import Parity


def show_parity(result: "Parity", *, as_json: bool) -> ExitCode:
    """Print what was compared and the verdict to stdout; return the exit code."""
    code = ExitCode.OK if result.sound else ExitCode.REGRESSED
    if as_json:
        terminal.print_json(_plain(result))
        return code
    console = terminal.results_console()
    for line in _lines(result):
        console.print(line)
    return code


def show_export(path: Path, result: "Parity", *, as_json: bool) -> None:
    """Print the file that was written, and how it was proved, to stdout."""
    if as_json:
        terminal.print_json(_plain(result) | {"path": str(path)})
        return
    show_parity(result, as_json=False)
    terminal.results_console().print(f"written: {path}")


def _plain(result: "Parity") -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(result)
    return fields | {"sound": result.sound}


def _lines(result: "Parity") -> list[str]:
    sizes = " and ".join(map(str, result.batch_sizes))
    weights = f"with {result.weights}" if result.weights else "with fresh weights"
    images = units.count_of(result.images, "image")
    lines = [
        f"{result.file} ({result.precision}) against {result.network} {weights} in eager torch, fp32: "
        f"{images}, batch {sizes}",
        f"largest difference: {result.difference:.2g} of the largest logit ({result.worst}); bound {result.bound:g}",
        f"another first class: {result.other_answers} of {images}, close calls left out",
    ]
    if result.sound:
        return [*lines, f"ok: {result.file} answers as {result.network} does"]
    lines.append(f"different: {result.file} does not answer as {result.network} does")
    if result.departs:
        lines.append(f"first difference: layer {result.departs}, whose output is nowhere in the file")
    return lines
