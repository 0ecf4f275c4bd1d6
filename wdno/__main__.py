"""``python -m wdno``: the command line."""

from wdno.cli import main

if __name__ == "__main__":
    main()
