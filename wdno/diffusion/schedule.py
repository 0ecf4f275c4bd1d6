r"""Noise schedules: variance-preserving ones, and the straight path of flow matching.

A schedule is its log signal-to-noise ratio $\ell(t) = \ln(\alpha_t^2 / \sigma_t^2)$, strictly
decreasing in $t \in [0, 1]$; with the logistic function $S$,

$$ \alpha_t^2 = S(\ell(t)), \qquad \sigma_t^2 = S(-\ell(t)), \qquad
   \alpha_t^2 + \sigma_t^2 = 1, $$

so that neither loses digits where the other is close to 1; of the straight path
$\alpha_t + \sigma_t = 1$ instead (`Straight`). The published schedules reach
$\ell = \infty$ at their time $u = 0$, and some $-\infty$ at $u = 1$. Here they are cut to the
part $[u_0, u_1]$ on which $\ell_{min} \le \ell(u) \le \ell_{max}$, and $t$ runs along that part,
$u = u_0 + (u_1 - u_0) t$ (the truncation used in arXiv 2301.11093): no level is repeated,
and both ends are finite. With the default bounds of $\pm 12$, $\alpha_1 = \sigma_0 = e^{-6} =
0.0025$.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from wdno.registry import UnknownPieceError, construct


@dataclass(frozen=True, kw_only=True)
class Schedule(ABC):
    """A noise schedule; subclasses give the published log-SNR and its inverse.

    Every method takes a floating-point tensor of any shape, computes in float64, and returns the
    same shape in the dtype of its argument. Times outside [0, 1] are refused on the CPU; on other
    devices the values are not looked at, since that would wait for the device.

    Attributes:
        log_snr_min: Lower bound of the log-SNR, its value at t = 1 if the schedule reaches it.
        log_snr_max: Upper bound of the log-SNR, its value at t = 0.
    """

    log_snr_min: float = -12.0
    log_snr_max: float = 12.0

    def __post_init__(self) -> None:
        """Refuse bounds that leave no schedule.

        Raises:
            ValueError: A bound is outside [-20, 40], where float64 times resolve the levels, or
                the two are in the wrong order, or the schedule does not reach them.
        """
        low, high = self.log_snr_min, self.log_snr_max
        if not -20 <= low < high <= 40:
            raise ValueError(
                f"{type(self).__name__}: expected -20 <= log_snr_min < log_snr_max <= 40, "
                f"got log_snr_min={low}, log_snr_max={high}"
            )
        start, end = self._interval
        if not start < end:
            raise ValueError(
                f"{type(self).__name__}: no part of the schedule has a log-SNR in "
                f"[{low}, {high}]; lower log_snr_min or raise log_snr_max"
            )

    @abstractmethod
    def _published(self, u: Tensor) -> Tensor:
        """Log-SNR of the published schedule at its own time u, float64."""

    @abstractmethod
    def _inverse(self, log_snr: Tensor) -> Tensor:
        """The published schedule's own time u at a log-SNR, float64."""

    @cached_property
    def _interval(self) -> tuple[float, float]:
        ends = torch.tensor([self.log_snr_max, self.log_snr_min], dtype=torch.float64)
        start, end = self._inverse(ends).tolist()
        return start, min(end, 1.0)

    def _log_snr(self, t: Tensor) -> Tensor:
        if not t.is_floating_point():
            raise ValueError(
                f"schedule: expected floating-point times in [0, 1], got dtype {t.dtype}; "
                "divide a step's index by the number of steps"
            )
        if t.device.type == "cpu" and not bool(((t >= 0) & (t <= 1)).all()):
            raise ValueError(
                "schedule: expected times in [0, 1], got values from "
                f"{t.min().item():g} to {t.max().item():g}"
            )
        start, end = self._interval
        return self._published(start + (end - start) * t.double())

    def log_snr(self, t: Tensor) -> Tensor:
        """Log signal-to-noise ratio ln(alpha_t^2 / sigma_t^2), strictly decreasing.

        Args:
            t: Times in [0, 1], any shape.

        Returns:
            The log-SNR, shape and dtype of `t`.

        Raises:
            ValueError: `t` is not floating-point, or outside [0, 1].
        """
        return self._log_snr(t).to(t.dtype)

    def alpha(self, t: Tensor) -> Tensor:
        """Signal level alpha_t in (0, 1), shape and dtype of `t`; errors as `log_snr`."""
        return self._level(self._log_snr(t)).to(t.dtype)

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level sigma_t in (0, 1), shape and dtype of `t`; errors as `log_snr`."""
        return self._level(-self._log_snr(t)).to(t.dtype)

    @staticmethod
    def _level(log_snr: Tensor) -> Tensor:
        """Signal level at a log-SNR; that at its negative is the noise level."""
        return torch.sigmoid(log_snr).sqrt()

    def time(self, log_snr: Tensor) -> Tensor:
        """Inverse of `log_snr`; ratios beyond the ends give the ends.

        Args:
            log_snr: Log signal-to-noise ratios, any shape.

        Returns:
            Times in [0, 1], shape and dtype of `log_snr`.
        """
        start, end = self._interval
        bounded = log_snr.double().clamp(self.log_snr_min, self.log_snr_max)
        t = (self._inverse(bounded) - start) / (end - start)
        return t.clamp(0, 1).to(log_snr.dtype)


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    r"""Cosine schedule (arXiv 2102.09672, eq. 17), the default of the WDNO paper in 1D.

    $$ \alpha_u^2 = \cos^2\theta_u / \cos^2\theta_0, \qquad
       \theta_u = \frac{\pi}{2} \frac{u + o}{1 + o} $$

    Attributes:
        offset: The offset o >= 0, which keeps the first noise levels from being too small.
    """

    offset: float = 0.008

    def __post_init__(self) -> None:
        """Refuse a negative offset, and what `Schedule` refuses."""
        if not (math.isfinite(self.offset) and self.offset >= 0):
            raise ValueError(f"Cosine: expected a finite offset >= 0, got {self.offset}")
        super().__post_init__()

    @property
    def _first(self) -> float:
        return math.pi / 2 * self.offset / (1 + self.offset)

    def _published(self, u: Tensor) -> Tensor:
        rest = math.pi / 2 * (1 - u) / (1 + self.offset)  # pi / 2 - theta
        turned = math.pi / 2 * u / (1 + self.offset)  # theta - theta_0
        # 1 - alpha^2 = sin(theta - theta_0) sin(theta + theta_0) / cos^2(theta_0)
        noise = torch.sin(turned) * torch.sin(turned + 2 * self._first)
        return 2 * torch.log(torch.sin(rest)) - torch.log(noise)

    def _inverse(self, log_snr: Tensor) -> Tensor:
        sine, cosine = math.sin(self._first), math.cos(self._first)
        theta = torch.atan2(
            torch.sqrt(sine**2 + cosine**2 * torch.sigmoid(-log_snr)),
            cosine * torch.sqrt(torch.sigmoid(log_snr)),
        )
        return (theta - self._first) * (2 / math.pi) * (1 + self.offset)


@dataclass(frozen=True, kw_only=True)
class Sigmoid(Schedule):
    r"""Sigmoid schedule (arXiv 2212.11972), the default of the WDNO paper in 2D.

    $$ \alpha_u^2 = \frac{S(b) - S(y)}{S(b) - S(a)}, \quad y = a + (b - a) u, \qquad
       \ell = \ln\frac{\sinh((b - y)/2)\,\cosh(a/2)}{\sinh((y - a)/2)\,\cosh(b/2)} $$

    with $a$ = `start / tau` and $b$ = `end / tau`. The second form has no cancellation.

    Attributes:
        start: Argument of the logistic function at u = 0, before the division by `tau`.
        end: The same at u = 1, above `start`.
        tau: Temperature > 0; smaller spends more of the time at both ends.
    """

    start: float = -3.0
    end: float = 3.0
    tau: float = 1.0

    def __post_init__(self) -> None:
        """Refuse an empty or overflowing range, and what `Schedule` refuses."""
        if not (self.tau > 0 and self.start < self.end):
            raise ValueError(
                "Sigmoid: expected tau > 0 and start < end, "
                f"got tau={self.tau}, start={self.start}, end={self.end}"
            )
        if not max(abs(edge) for edge in self._range) <= 30:
            raise ValueError(
                f"Sigmoid: expected start / tau and end / tau within +-30, got {self._range}; "
                "raise tau"
            )
        super().__post_init__()

    @property
    def _range(self) -> tuple[float, float]:
        return self.start / self.tau, self.end / self.tau

    def _published(self, u: Tensor) -> Tensor:
        a, b = self._range
        half = (b - a) / 2
        levels = torch.log(torch.sinh(half * (1 - u))) - torch.log(torch.sinh(half * u))
        return levels + math.log(math.cosh(a / 2) / math.cosh(b / 2))

    def _inverse(self, log_snr: Tensor) -> Tensor:
        a, b = self._range
        half = (b - a) / 2
        # sinh(half (1 - u)) = k sinh(half u), solved for exp(2 half u)
        k = torch.exp(log_snr) * math.cosh(b / 2) / math.cosh(a / 2)
        return torch.log1p(2 * math.sinh(half) / (math.exp(-half) + k)) / (2 * half)


@dataclass(frozen=True, kw_only=True)
class Linear(Schedule):
    r"""DDPM's linear betas (arXiv 2006.11239) in continuous time (arXiv 2011.13456, eq. 33).

    $$ \alpha_u^2 = e^{-B(u)}, \qquad B(u) = \beta_{min} u + (\beta_{max} - \beta_{min}) u^2 / 2,
       \qquad \ell = -\ln(e^B - 1) $$

    The defaults are 1000 times DDPM's betas of 1e-4 and 0.02. It ends at a log-SNR of -10.05,
    so a `log_snr_min` below that has no effect.

    Attributes:
        beta_min: Rate of noising at u = 0, >= 0.
        beta_max: Rate of noising at u = 1, above `beta_min`.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        """Refuse rates that do not grow, and what `Schedule` refuses."""
        if not 0 <= self.beta_min < self.beta_max < math.inf:
            raise ValueError(
                "Linear: expected 0 <= beta_min < beta_max < inf, "
                f"got beta_min={self.beta_min}, beta_max={self.beta_max}"
            )
        super().__post_init__()

    def _published(self, u: Tensor) -> Tensor:
        integral = self.beta_min * u + (self.beta_max - self.beta_min) / 2 * u**2
        return -torch.log(torch.expm1(integral))

    def _inverse(self, log_snr: Tensor) -> Tensor:
        integral = torch.nn.functional.softplus(-log_snr, threshold=40.0)
        slope = self.beta_max - self.beta_min
        root = torch.sqrt(self.beta_min**2 + 2 * slope * integral)
        return 2 * integral / (self.beta_min + root)


@dataclass(frozen=True, kw_only=True)
class Straight(Schedule):
    r"""The straight path from data to noise of flow matching (arXiv 2209.03003, 2210.02747).

    $$ x_u = (1 - u)\, x_0 + u\, \epsilon, \qquad \alpha_u = 1 - u = S(\ell / 2), \quad
       \sigma_u = u = S(-\ell / 2), \qquad \ell = 2 \ln\frac{1 - u}{u} $$

    Time runs from data to noise, as in all schedules here: the papers' time is $1 - u$. It is no
    variance-preserving one: of data of unit variance, $x_u$ has the variance
    $1 - 2 u (1 - u)$. It is cut nearer to the data than others are, $u_0$ = 6e-6, since a straight
    line may be followed to its end.
    """

    log_snr_max: float = 24.0

    @staticmethod
    def _level(log_snr: Tensor) -> Tensor:
        return torch.sigmoid(log_snr / 2)

    def _published(self, u: Tensor) -> Tensor:
        return 2 * (torch.log1p(-u) - torch.log(u))

    def _inverse(self, log_snr: Tensor) -> Tensor:
        return torch.sigmoid(-log_snr / 2)


SCHEDULES: dict[str, type[Schedule]] = {
    "cosine": Cosine,
    "sigmoid": Sigmoid,
    "linear": Linear,
    "straight": Straight,
}


def build(name: str, **options: Any) -> Schedule:
    """Make a schedule by name: `cosine`, `sigmoid`, `linear` or `straight`.

    Raises:
        UnknownPieceError: There is none of that name.
        ValueError: It has no such option, or refuses a value.
    """
    if name not in SCHEDULES:
        known = ", ".join(sorted(SCHEDULES))
        raise UnknownPieceError(f"unknown schedule {name!r}: expected one of {known}")
    return construct("schedule", name, SCHEDULES[name], options)
