r"""The distribution of starts and controls of the smoke system (arXiv 2412.04833, its program).

Smoke starts as a square of side 11, and is driven along a route of five way-points to the target
bucket, all in cells of the scene of 128, (row, column): the start; two at rows 40 and 50, on the
start's side of the bar there; one at row 64; one at row 112. Each of the four legs takes a share of
the time in proportion to its length. Its mean velocity is the speed of the whole route along the
leg, with x scaled by one number in U(2, 5) for the trajectory and y by 5, since the flow inside is
slower than in the frame; the leg's velocity v is drawn from N(mean, |mean| / 4).

At the first step of a leg every face of the frame is set to a draw from N(v, |v| / 10). At every
other step noise of N(0, 0.1) is added to what the projection left there. On cells of width h and in
steps of dt, the noise is that of averages over the cell and of a sum over the step: its deviations
are multiplied by 1 / h and, where it accumulates, by sqrt(dt).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIDE = 11
START_ROWS, START_COLUMNS = (22, 24), (22, 96)
MIDDLE = 54
"""Starts in columns below it pass the bar on the left."""
LEFT, RIGHT = (21, 53), (64, 96)
ROWS = (40, 50, 64, 112)
LATER_COLUMNS = ((50, 68), (56, 61))
SPEED_Y, SPEED_X = 5.0, (2.0, 5.0)
LEG_SPREAD, FACE_SPREAD, NOISE = 0.25, 0.1, 0.1


@dataclass(frozen=True)
class SmokeDraw:
    """The random numbers of one sample.

    Attributes:
        route: Way-points (row, column), the first the corner of the smoke, `[5, 2]`.
        velocity: Velocity (y, x) of each leg, for the whole time 1, `[4, 2]`.
        noise: Generator of the noise on the frame's faces.
    """

    route: Array
    velocity: Array
    noise: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int) -> SmokeDraw:
        """Draw the numbers of a sample; ranges include their ends."""
        first, second = np.random.SeedSequence(seed).spawn(2)
        rng = np.random.default_rng(first)
        row = rng.integers(*START_ROWS, endpoint=True)
        column = rng.integers(*START_COLUMNS, endpoint=True)
        side = LEFT if column < MIDDLE else RIGHT
        columns = [rng.integers(*ends, endpoint=True) for ends in (side, side, *LATER_COLUMNS)]
        route = np.array([(row, column), *zip(ROWS, columns, strict=True)], dtype=float)
        legs = np.diff(route, axis=0)
        lengths = np.hypot(*legs.T)
        mean = lengths.sum() * legs / lengths[:, None]
        mean *= np.array([SPEED_Y, rng.uniform(*SPEED_X)])
        velocity = rng.normal(mean, LEG_SPREAD * np.abs(mean))
        return cls(route, velocity, np.random.default_rng(second))

    def density(self, cells: int, spacing: float) -> Array:
        """Smoke at the start: the share of each cell that the square covers, `[N, N]`."""
        edges = np.arange(cells + 1) * spacing
        covered = [
            np.diff(np.clip(edges, corner, corner + SIDE)) / spacing for corner in self.route[0]
        ]
        return np.outer(*covered)

    def leg_of_step(self, steps: int) -> NDArray[np.int64]:
        """Return the leg that each step belongs to, `[steps]`."""
        lengths = np.hypot(*np.diff(self.route, axis=0).T)
        ends = np.round(steps * np.cumsum(lengths)[:-1] / lengths.sum())
        legs: NDArray[np.int64] = np.searchsorted(ends, np.arange(steps), side="right")
        return legs

    def control(
        self, legs: NDArray[np.int64], starts: NDArray[np.bool_], faces: tuple[int, int],
        spacing: float, t_end: float, step: float,
    ) -> Array:  # fmt: skip
        """Draw the control of the next steps; successive calls continue the noise.

        Args:
            legs: Leg of each step, `[S]`.
            starts: Whether the step is the first of its leg, `[S]`.
            faces: Number of control faces of y and of x, F in all.
            spacing: Width h of a cell.
            t_end: Time simulated.
            step: Time step dt.

        Returns:
            `[S, F]`: where a leg starts, the velocity of the faces; else what is added to it.
        """
        noise = self.noise.standard_normal((len(legs), sum(faces)), dtype=np.float32)
        control = noise * (NOISE * np.sqrt(step) / spacing)
        for k in np.flatnonzero(starts):
            v = np.repeat(self.velocity[legs[k]] / t_end, faces)
            control[k] = v + noise[k] * np.abs(v) * (FACE_SPREAD / spacing)
        drawn: Array = control.astype(np.float64)
        return drawn
