r"""Legendre multiwavelets of Alpert (1993, SIAM J. Math. Anal. 24, 246): their filters.

On [0, 1] the scaling functions are :math:`\phi_i = \sqrt{2i+1} P_i(2x-1)`, for i < k. Wavelets
:math:`\psi_i` span what polynomials of degree < k on each half have beyond those on the whole;
:math:`\psi_i` is orthogonal to all polynomials of degree < k + i. So

.. math::  \phi_i(x) = \sqrt2 \sum_j H^0_{ij} \phi_j(2x) + H^1_{ij} \phi_j(2x-1),

and likewise :math:`\psi_i` with G; the matrix [[H^0, H^1], [G^0, G^1]] is orthogonal.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def scaling(order: int, x: Matrix) -> Matrix:
    """The scaling functions at points of [0, 1], [order, points]."""
    norms = np.sqrt(2 * np.arange(order) + 1)
    return np.asarray(norms[:, None] * legendre.legvander(2 * x - 1, order - 1).T)


@functools.cache
def filters(order: int) -> tuple[Matrix, Matrix]:
    """Return [H^0, H^1] and [G^0, G^1], each [order, 2, order]: coefficient, half, and its own."""
    nodes, weights = legendre.leggauss(2 * order)
    y, w = (nodes + 1) / 2, weights / 2
    halves = np.stack([y / 2, (y + 1) / 2])

    def coefficients(functions: Matrix) -> Matrix:
        """Of functions [count, half, points] on both halves: [count, 2 order]."""
        found = np.einsum("chp,jp,p->chj", functions, scaling(order, y), w) / np.sqrt(2)
        return np.asarray(found.reshape(len(functions), -1))

    low = coefficients(np.stack([scaling(order, half) for half in halves], axis=1))
    # Of the complement of the polynomials, one direction after the other sees one degree less.
    further = scaling(2 * order, halves.ravel())[order:].reshape(order, 2, -1)
    moments = coefficients(further)
    moments = moments - moments @ low.T @ low
    directions, upper = np.linalg.qr(moments.T)
    high = np.asarray((directions * np.sign(np.diag(upper))).T)
    return low.reshape(order, 2, order), high.reshape(order, 2, order)
