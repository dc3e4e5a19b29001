"""Write docs/commands.md and docs/python.md from the code; with --check print what differs, and exit 1 if they do."""

import difflib
import sys
from pathlib import Path

from docs.reference.commands import commands_page
from docs.reference.functions import python_page

FOLDER = Path(__file__).parent.parent


def pages() -> dict[Path, str]:
    """Return the text of every generated page."""
    return {FOLDER / "commands.md": commands_page(), FOLDER / "python.md": python_page()}


def main(words: list[str]) -> int:
    """Write the pages, or with --check compare them; return the exit code."""
    stale = False
    for path, fresh in pages().items():
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        if words != ["--check"]:
            path.write_text(fresh, encoding="utf-8")
            continue
        name = f"docs/{path.name}"
        stale |= there != fresh
        sys.stdout.writelines(
            difflib.unified_diff(there.splitlines(True), fresh.splitlines(True), name, f"{name}, fresh")
        )
    if stale:
        print("stale: run `python -m docs.reference`", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
