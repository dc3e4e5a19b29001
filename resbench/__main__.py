"""`python -m resbench`, and the console script."""

import sys


def main() -> None:
    """Run the program; Ctrl-C ends it quietly, also while it is still being loaded."""
    try:
        from resbench.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
