"""``python -m mplfit``: the same as the command ``mplfit``."""

from __future__ import annotations

import sys

__all__ = ["run"]


def run() -> None:
    """The command; an interrupt while it is imported is one as well."""
    try:
        from mplfit.cli.main import main
    except KeyboardInterrupt:
        sys.exit(130)
    main(prog_name="mplfit")


if __name__ == "__main__":
    run()
