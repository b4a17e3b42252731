"""`python -m tests.mutants [ROOM ...]`: change the code at one place at a time; does a test fail?

The mutants are cosmic-ray's. They are tried on a copy of the project in a temporary folder, each
against the tests of its room alone. By default a sample: one mutant each of some places, which a
hash of the seed and of the line picks, so that a change elsewhere leaves most of the sample as it
is. MUTANTS.md says what was found, and why each survivor may live.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 0.15  # the largest share that may survive

# What is mutated, and the tests that have to notice.
ROOMS = {
    "mplfit/powersum": ("tests/powersum",),
    "mplfit/laws": ("tests/laws",),
    "mplfit/estimate": ("tests/estimate",),
    "mplfit/assess": ("tests/assess",),
    "mplfit/plan": ("tests/plan",),
    "mplfit/sweeps": ("tests/sweeps", "tests/cli/test_sweeping.py"),
    "mplfit/readers/csv_log.py": tuple(
        f"tests/readers/test_{name}.py"
        for name in ("csv_log", "formats", "plausible", "runs", "beginning")
    ),
    "mplfit/writers/files.py": ("tests/writers/test_files.py",),
}

MADE = {"mplfit/laws/learned.py"}  # by `make prior`: numbers that were measured

# A replacement stays in its group: arithmetic turned into bit operators is a TypeError in any test,
# `==` turned into `is` changes nothing for small numbers.
GROUPS = (
    {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"},
    {"BitOr", "BitAnd", "BitXor"},
    {"Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"},
    {"Is", "IsNot"},
)


@dataclass(frozen=True)
class Place:
    """A place in a file, its rank in the sample, and cosmic-ray's operators that change it."""

    rank: str
    path: str
    line: int
    choices: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Mutant:
    path: str
    line: int
    change: str
    code: str


class _Behaviour(ast.NodeTransformer):
    """Drops what no test need see: annotations, `__all__`, stack levels, zip's `strict`, that a
    kernel is compiled, which arguments are told by name alone."""

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        node.args, node.posonlyargs = [*node.posonlyargs, *node.args, *node.kwonlyargs], []
        node.defaults += [each for each in node.kw_defaults if each is not None]
        node.kwonlyargs, node.kw_defaults = [], []
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        kept = [each for each in node.decorator_list if not ast.unparse(each).startswith("kernel")]
        node.returns, node.decorator_list = None, kept
        overload = any(ast.unparse(each) == "overload" for each in kept)
        return None if overload else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if ast.unparse(node.targets[0]) == "__all__" else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return None if node.arg in ("stacklevel", "strict") else self.generic_visit(node)


def behaviour(code: str) -> str:
    """The code without what no test need see."""
    return ast.dump(_Behaviour().visit(ast.parse(code)))


def telling(operator: str) -> bool:
    """Whether what survives this operator of cosmic-ray says something of the tests."""
    kind, _, change = operator.removeprefix("core/").partition("_")
    if not kind.endswith("Operator") or change.startswith("Delete"):
        return True
    return any(set(change.split("_")) <= group for group in GROUPS)


def places(path: str, seed: int) -> list[Place]:
    """Where a file can be changed."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    code = (ROOT / path).read_text(encoding="utf-8")
    lines, nodes = code.splitlines(), list(ast_nodes(get_ast(code)))
    choices = defaultdict(list)
    for name in filter(telling, operator_names()):
        if not get_operator(name).arguments():
            positions = get_operator(name)().mutation_positions
            for number, at in enumerate(
                (*at, node.type) for node in nodes for at in positions(node)
            ):
                choices[at].append((name, number))

    def rank(at: tuple, *what: str) -> str:
        (line, column), _, kind = at
        text = repr((seed, path, lines[line - 1].strip(), column, kind, *what))
        return hashlib.sha256(text.encode()).hexdigest()

    return [
        Place(rank(at), path, at[0][0], tuple(sorted(some, key=lambda one: rank(at, one[0]))))
        for at, some in choices.items()
    ]


def mutants(place: Place) -> Iterator[Mutant]:
    """What can be done at a place, without what changes no behaviour or is no Python."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    code = (ROOT / place.path).read_text(encoding="utf-8")
    for name, number in place.choices:
        mutated = mutate_code(code, get_operator(name)(), number)
        with suppress(SyntaxError):
            if behaviour(mutated) != behaviour(code):
                lines = list(difflib.ndiff(code.splitlines(), mutated.splitlines()))
                old, new = (" ".join(x[2:].strip() for x in lines if x[0] == sign) for sign in "-+")
                yield Mutant(place.path, place.line, f"`{old}` → `{new}`", mutated)


def files(path: str) -> list[str]:
    """The Python files of a folder, or the one file."""
    inside = sorted((ROOT / path).rglob("*.py")) or [ROOT / path]
    return [name for each in inside if (name := str(each.relative_to(ROOT))) not in MADE]


def sample(room: str, size: int | None, seed: int) -> list[Mutant]:
    """One mutant each of some places of a room; every mutant where no size is given."""
    every = chain.from_iterable(places(path, seed) for path in files(room))
    by_place = map(mutants, sorted(every, key=lambda place: place.rank))
    if size is None:
        return list(chain.from_iterable(by_place))
    return list(islice(chain.from_iterable(islice(some, 1) for some in by_place), size))


def command(room: str, path: str) -> str:
    """The tests of a room: the changed file's examples and its mirror first."""
    mirror = f"test_{Path(path).stem}.py"
    every = (*ROOMS[room], "tests/test_types.py")  # nothing that is returned can be changed
    tests = [each for name in every for each in files(name) if "/test_" in each]
    tests.sort(key=lambda each: not each.endswith(f"/{mirror}"))
    return " ".join([sys.executable, "-m pytest -x -q -p no:cacheprovider", path, *tests])


def settle(scratch: str) -> None:
    """Make this process work in a copy of the project, and its tests import that copy."""
    copy = tempfile.mkdtemp(dir=scratch)
    left = shutil.ignore_patterns(".*", "__pycache__", "mplfit-runs", "build", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=left, dirs_exist_ok=True)
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": copy, "MPLFIT_SHARED": f"{copy}/no-shared"}
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": f"{copy}/cache"}


def run(room: str, path: str, code: str | None, timeout: float) -> tuple[bool, float, str]:
    """Whether the tests pass with a file changed; the seconds that they took, and what they said.

    Where the room has kernels, these are compiled anew: numba's cache knows the age of a kernel's
    own file, not of those that its other kernels and constants come from.
    """
    from cosmic_ray.testing import run_tests
    from cosmic_ray.work_item import TestOutcome

    started, original = time.monotonic(), Path(path).read_bytes()
    if any("@kernel" in Path(each).read_text(encoding="utf-8") for each in files(room)):
        shutil.rmtree(os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)
    try:
        if code is not None:
            Path(path).write_text(code, encoding="utf-8")
        outcome, output = run_tests(command(room, path), timeout)
    finally:
        Path(path).write_bytes(original)
    return outcome is TestOutcome.SURVIVED, time.monotonic() - started, output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), help=" ".join(ROOMS))
    parser.add_argument("--sample", type=int, default=20, help="places in a room; 0: every mutant")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    explained = (Path(__file__).with_name("MUTANTS.md")).read_text(encoding="utf-8")
    table, survivors = [], []
    with (
        tempfile.TemporaryDirectory(prefix="mplfit-mutants-") as scratch,
        ProcessPoolExecutor(options.jobs, initializer=settle, initargs=(scratch,)) as pool,
    ):
        for room in options.rooms:
            passed, took, output = pool.submit(run, room, files(room)[-1], None, 3600).result()
            if not passed:
                sys.exit(f"{room}: the tests fail as the code is:\n{output[-3000:]}")
            timeout = 3 * took + 60  # a mutant may run for ever
            chosen = sample(room, options.sample or None, options.seed)
            done = [
                (each, pool.submit(run, room, each.path, each.code, timeout)) for each in chosen
            ]
            lived = []
            for mutant, future in done:
                survived, took, output = future.result()
                text = f"{mutant.path}:{mutant.line}: {mutant.change}"
                how = "survived" if survived else "timeout" if output == "timeout" else "killed"
                print(f"{how:8} {took:4.0f} s  {text}", file=sys.stderr, flush=True)
                if survived:
                    known = " (explained)" if mutant.change in explained else ""
                    lived.append(f"- {mutant.path}:{mutant.line}: {mutant.change}{known}")
            table.append((room, len(chosen), len(lived)))
            survivors += lived
    table.append(("all", sum(row[1] for row in table), sum(row[2] for row in table)))
    print(f"seed {options.seed}, {options.sample or 'all'} a room\n")
    print("| code | mutants | survived | share |\n|---|---|---|---|")
    for room, tried, alive in table:
        print(f"| {room} | {tried} | {alive} | {alive / max(tried, 1):.0%} |")
    print("\n" + "\n".join(survivors))
    sys.exit(table[-1][2] > LIMIT * table[-1][1])


if __name__ == "__main__":
    main()
