"""Covariances as products G·Gᵀ: from one factorisation of the rows that determine the unknowns.

The information that rows M (the Jacobian, a prior's whitening below it) have on the unknowns is
MᵀM. Formed as a matrix it has the square of M's condition, and its inverse need not be positive
semidefinite in floating point. So M itself is factorised, its columns in units of their norms:

    M = U S Vᵀ D,  (MᵀM)⁻¹ = K Kᵀ with K = D⁻¹ V S⁻¹

A product is semidefinite whatever the rounding. Directions whose singular value is below 1e-7 of
the largest are left out of K: the gradients are not known better than that, so that their variance
would be rounding. The rank says how many are left, and an unknown that takes part in a direction
that was left out has no error, but a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.types import BoolArray, FloatArray

__all__ = ["Covariance", "Factored", "factorise", "root", "updated"]

_RANK = 1e-7  # of the largest singular value: below it a direction is not determined
_PART = 1e-3  # of a direction that is not determined: an unknown with less has its error


@dataclass(frozen=True)
class Factored:
    """M = U S Vᵀ D, cut to the directions that are determined.

    left : (n, R) U.  inverse : (P, R) K.  rank : R.
    undetermined : (P,) whether an unknown takes part in a direction that is not determined.
    unseen : (P,) whether no row depends on it.
    """

    left: FloatArray
    inverse: FloatArray
    undetermined: BoolArray
    unseen: BoolArray

    @property
    def rank(self) -> int:
        """How many directions are determined."""
        return int(self.inverse.shape[1])

    def reasons(self, names: Sequence[str]) -> tuple[str | None, ...]:
        """Why an unknown has no error; None where it has one."""
        together = [
            name
            for name, is_open, alone in zip(names, self.undetermined, self.unseen, strict=True)
            if is_open and not alone
        ]
        return tuple(
            "no row depends on it"
            if alone
            else f"only a combination of {' and '.join(together)} is determined"
            if is_open
            else None
            for is_open, alone in zip(self.undetermined, self.unseen, strict=True)
        )


def factorise(rows: FloatArray) -> Factored:
    """The factors of (n, P) rows.

    >>> import numpy as np
    >>> from mplfit.estimate.covariance import factorise
    >>> found = factorise(np.array([[1.0, 0.0, 2.0], [1.0, 2.0, 2.0], [1.0, 4.0, 2.0]]))
    >>> found.rank, found.undetermined.tolist()
    (2, [True, False, True])
    """
    norms = np.sqrt(np.sum(rows**2, axis=0))
    size = np.where(norms > 0, norms, 1.0)
    left, singular, right = np.linalg.svd(rows / size, full_matrices=False)
    kept = singular > _RANK * singular.max(initial=0.0)
    # What is left of each unknown once the determined directions are taken out of it.
    share = 1 - np.sum(right[kept] ** 2, axis=0)
    return Factored(
        left[:, kept],
        right[kept].T / singular[kept] / size[:, None],
        np.asarray(share > _PART**2),
        np.asarray(norms == 0),
    )


@dataclass(frozen=True)
class Covariance:
    """Of a fit's unknowns: V = G·Gᵀ over the directions that are determined.

    factor : (P, K) G; a row of NaN for an unknown at a bound of its box.
    rank : how many directions of the free unknowns are determined.
    reasons : (P,) why an unknown has no error; None where it has one.
    """

    factor: FloatArray
    rank: int
    reasons: tuple[str | None, ...]

    @property
    def matrix(self) -> FloatArray:
        """(P, P) G·Gᵀ; what is not determined adds nothing to it."""
        product: FloatArray = self.factor @ self.factor.T
        return product

    @property
    def errors(self) -> FloatArray:
        """(P,) standard errors; NaN where there is a reason against one."""
        none = np.array([reason is not None for reason in self.reasons])
        return np.where(none, np.nan, np.sqrt(np.sum(self.factor**2, axis=1)))


def root(matrix: FloatArray) -> FloatArray:
    """The symmetric G (in units of the standard deviations) of a covariance that was kept.

    It is the only one of its kind: it does not depend on the signs and the order of eigenvectors,
    which differ between machines, so that draws made with it agree.

    >>> import numpy as np
    >>> from mplfit.estimate.covariance import root
    >>> half = root(np.array([[4.0, 2.0], [2.0, 1.0]]))  # of rank 1
    >>> (half @ half.T).round(12).tolist()
    [[4.0, 2.0], [2.0, 1.0]]
    """
    spread = np.sqrt(np.diag(matrix))
    size = np.where(spread > 0, spread, 1.0)
    spectrum, vectors = np.linalg.eigh(matrix / np.outer(size, size))
    half = (vectors * np.sqrt(np.maximum(spectrum, 0.0))) @ vectors.T
    rooted: FloatArray = size[:, None] * half
    return rooted


def updated(factor: FloatArray, rows: FloatArray) -> FloatArray:
    """The factor of (V⁻¹ + MᵀM)⁻¹ for V = G·Gᵀ, which may be singular.

    It is G R⁻¹ with RᵀR = I + (MG)ᵀMG.

    >>> import numpy as np
    >>> from mplfit.estimate.covariance import updated
    >>> abs(updated(np.array([[2.0]]), np.array([[0.5]]))).round(6).tolist()  # 1 / (1/4 + 1/4) = 2
    [[1.414214]]
    """
    stacked = np.vstack([np.eye(factor.shape[1]), rows @ factor])
    _, singular, right = np.linalg.svd(stacked, full_matrices=False)
    half: FloatArray = factor @ (right.T / singular)
    return half
