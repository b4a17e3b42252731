"""``python -m mplfit``: the same as the command ``mplfit``."""

from mplfit.cli.main import main

if __name__ == "__main__":
    main(prog_name="mplfit")
