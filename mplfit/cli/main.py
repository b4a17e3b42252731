"""The `mplfit` command: the group of all others."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

import click

from mplfit import __version__
from mplfit.cli.lazy import LazyGroup
from mplfit.cli.messages import one_line_warnings
from mplfit.cli.output import record_words
from mplfit.cli.terminal import finish, standard_streams
from mplfit.errors import ArgumentsError, MplfitError, printable

__all__ = ["COMMANDS", "GROUPS", "main"]

# Title: name: one line of help, which is here so that `mplfit --help` imports no command. The
# module below mplfit.cli has the name of the command.
GROUPS = {
    "Read": {
        "read": "Show what is in logs: runs, formats, schedules, assumptions.",
    },
    "Fit": {
        "fit": "Fit a law to loss curves and measure it on held-out ones.",
        "evaluate": "Measure a fit, or the published parameters, on loss curves.",
        "compare": "Fit every law and compare them on held-out curves.",
        "sizes": "Fit one law to runs of several model sizes, and predict others.",
        "profile": "Profile likelihoods of the parameters of a fit.",
    },
    "Decide": {
        "advise": "Say which schedule to run next, from logs, and how sure that is.",
        "predict": "Predict the loss under other schedules.",
        "explore": "Write a page on which schedules are drawn and priced at once.",
        "optimize": "Find the schedule with the lowest predicted final loss.",
        "design": "Choose which run to do next, to make a prediction surer.",
        "forecast": "Forecast the rest of a run in progress.",
        "extend": "Continue a run for longer with its base learning rate.",
        "sweep": "Find the best learning rate in a sweep, and whether it transfers.",
    },
    "Hand over": {
        "schedule": "Plot schedules and write their rates.",
        "export": "Write a schedule for a training code: torch, optax, Megatron, …",
        "report": "Write one HTML page on fits, residuals and candidate schedules.",
    },
    "Theory": {
        "bound": "What convex theory says of schedules, before any run.",
        "agreement": "Compare convex bounds with the final losses of real runs.",
    },
    "Lab": {
        "simulate": "Make curves from a law, with noise.",
        "lab": "Train small transformers here: real curves, sweeps, a closed loop.",
    },
    "Help": {
        "help": "Show the guide to a subject: schedules, logs, laws, …",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}

_INTERRUPTED, _TERMINATED = 130, 143
_AGAIN_SECONDS, _LAST_SECONDS = 1.5, 1.0  # to a second interrupt; from a failure to the very end


class _Main(LazyGroup):
    """Records the words of the command line; every failure is one line and an exit code."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        words = list(args)  # click uses the list up
        context = super().make_context(info_name, args, parent, **extra)
        record_words(context, words)
        return context

    def main(
        self,
        args: Sequence[str] | None = None,
        *rest: Any,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's; exits with 0, 1, 2, 3 or 130."""
        words = sys.argv[1:] if args is None else list(args)

        click_main: Any = super().main

        def run() -> Any:
            return click_main(words, *rest, standalone_mode=False, **extra)

        if not standalone_mode:
            return run()
        # `catch_warnings` puts `showwarning` back.
        with standard_streams(), warnings.catch_warnings():
            one_line_warnings()
            code = _code(run, words) or _code(finish, words)
        sys.exit(code)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`main`, as the process's own: its end is soon, and silent, whatever still runs."""
        with suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
            signal.signal(signal.SIGINT, _interrupt)
            sys.unraisablehook = _unraisable(sys.unraisablehook)
        try:
            return self.main(*args, **kwargs)
        except SystemExit as end:
            if end.code:
                with suppress(ValueError):
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                # An interrupt that passed an `exec` (as dataclasses use) has told Python to end by
                # the signal instead of the code: a next `exec` takes that back.
                exec("")
                # Pools may wait for ever for a process that was killed.
                last = threading.Timer(_LAST_SECONDS, os._exit, [end.code])
                last.daemon = True
                last.start()
            raise


def _code(run: Callable[[], Any], words: Sequence[str]) -> int:
    """The exit code of `run()`; what it failed of is said on stderr."""
    try:
        code = run()
        return code if isinstance(code, int) else 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__cause__, EOFError):  # click takes it for an interrupt
            raise error.__cause__ from None
        return _fails("interrupted", _INTERRUPTED, "")
    except click.ClickException as error:
        if any(word != printable(word) for word in words):  # which click repeats as they are
            return _fails(error.format_message(), error.exit_code)
        error.show()
        return error.exit_code
    except MplfitError as error:
        return _fails(str(error), 2 if isinstance(error, ArgumentsError) else 1)
    except RuntimeError as error:
        # So Python 3.11 hands on what a signal raised within a class, as packages are imported.
        cause = error.__cause__
        if not isinstance(cause, (KeyboardInterrupt, SystemExit)):
            raise
        return _code(partial(_raise, cause), words)
    except MemoryError as error:
        return _fails(
            f"there is not enough memory ({str(error) or 'none is left'}): give shorter schedules "
            "or fewer runs, or free some"
        )
    except OSError as error:
        if error.strerror is None:  # not the system's: a bug
            raise
        name = f"{error.filename}: " if error.filename is not None else ""
        return _fails(f"{name}{error.strerror}")


def _raise(error: BaseException) -> None:
    raise error


def _fails(text: str, code: int = 1, begin: str = "Error: ") -> int:
    click.echo(begin + printable(text), err=True)
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ctrl-C, once more after a while: some packages swallow a first one as they are imported."""
    _raise_later(_AGAIN_SECONDS)
    raise KeyboardInterrupt


def _raise_later(seconds: float) -> None:
    again = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])
    again.daemon = True
    again.start()


def _unraisable(usual: Callable[[Any], object]) -> Callable[[Any], object]:
    """Python drops an interrupt that comes in a finalizer or a callback of the compiler."""

    def hook(what: Any) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            _raise_later(0.01)
        else:
            usual(what)

    return hook


@click.group(cls=_Main, groups=GROUPS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mplfit")
def main() -> None:
    """What will the loss be under another learning-rate schedule, and which one to run?

    \b
    mplfit fit csv_400/               fit a law to the loss curves in a folder
    mplfit predict --params FIT SPEC  predict the loss under another schedule
    mplfit optimize --params 400      find the best schedule

    FIT is the run folder that `mplfit fit` wrote, its fit.json, or one of the published parameter
    sets 25, 100, 400. Results go to stdout, progress and warnings to stderr. Exit codes: 0 done, 1
    an error you can mend, 2 wrong usage, 3 a fit that did not converge.

    Tab completion: put eval "$(_MPLFIT_COMPLETE=bash_source mplfit)" into ~/.bashrc (zsh_source
    and fish_source for the others).
    """
    if os.environ.get("NO_COLOR"):  # no-color.org: set to anything but nothing
        click.get_current_context().color = False
