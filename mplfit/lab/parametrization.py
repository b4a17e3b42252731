"""How initialisation, rates and multipliers depend on the width: SP and muP.

With m = width / base_width, in the form of Table 8 of Yang et al. 2022 (arXiv:2203.03466) for Adam:

    parameter                       standard deviation          rate         multiplier
    embeddings, positions, gains    as at the base width        η            1
    hidden matrices                 1/√fan_in                   η / m        1
    readout                         1/√base_width               η            1 / m
    attention                       q·k scaled by √(base head width) / head width

The standard parametrization (SP) has 1/√fan_in everywhere, the rate η for all, and q·k/√(head
width). At the base width both are the same model. Weight decay acts through η itself, not through
a parameter's own rate, so that the equilibrium of the norms does not depend on the width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mplfit.errors import DataError

__all__ = ["KINDS", "Kind", "Rule", "attention_scale", "check_kind", "rule"]

Kind: TypeAlias = Literal["input", "vector", "hidden", "branch", "readout"]
"""What a parameter is: `branch` matrices end a residual branch, `vector` ones are no matrices."""

KINDS = ("SP", "muP")


@dataclass(frozen=True)
class Rule:
    """How one parameter begins, learns and acts.

    std : of its initial values (0: they are constant).  rate : its share of the learning rate.
    multiplier : what its product is multiplied by.  decays : whether weight decay acts on it.
    """

    std: float
    rate: float = 1.0
    multiplier: float = 1.0
    decays: bool = True


def check_kind(parametrization: str) -> str:
    """The parametrization's proper name, whatever the case; DataError where there is none.

    >>> from mplfit.lab.parametrization import check_kind
    >>> check_kind("mup")
    'muP'
    """
    for kind in KINDS:
        if kind.lower() == parametrization.lower():
            return kind
    raise DataError(f"there is no parametrization {parametrization!r}: choose SP or muP")


def rule(
    kind: Kind, fan_in: int, *, parametrization: str, width: int, base_width: int, layers: int
) -> Rule:
    """How a parameter of this kind begins, learns and acts.

    >>> from mplfit.lab.parametrization import rule
    >>> rule("readout", 256, parametrization="muP", width=256, base_width=64, layers=2)
    Rule(std=0.125, rate=1.0, multiplier=0.25, decays=True)
    """
    m = width / base_width if parametrization == "muP" else 1.0
    if kind == "vector":
        return Rule(0.0, decays=False)
    if kind == "input":
        return Rule(1 / math.sqrt(fan_in))
    if kind == "readout":
        return Rule(1 / math.sqrt(fan_in / m), multiplier=1 / m)
    depth = math.sqrt(2 * layers) if kind == "branch" else 1.0
    return Rule(1 / math.sqrt(fan_in) / depth, rate=1 / m)


def attention_scale(parametrization: str, head_width: int, base_head_width: float) -> float:
    """What q·k is multiplied by."""
    if parametrization == "muP":
        return math.sqrt(base_head_width) / head_width
    return 1 / math.sqrt(head_width)
