"""`python -m resbench`, and the console script."""

from resbench.cli.app import main

if __name__ == "__main__":
    main()
