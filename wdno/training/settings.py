r"""Settings of a training run, and the learning rate they amount to.

With peak $\eta$, final fraction $r$, $w$ warm-up steps and $n$ steps, step $s = 0, 1, ..., n - 1$
is taken with

$$ \eta_s = \eta \frac{s + 1}{w} \quad (s < w), \qquad
   \eta_s = \eta \Big(r + (1 - r) \frac{1 + \cos \pi \tau}{2}\Big), \quad
   \tau = \frac{s - w}{n - w} \quad (s \ge w). $$
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Precision = Literal["float32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How weights are found: AdamW, warm-up and cosine decay, clipped gradients, averaging.

    Their defaults are those of the configuration.

    Attributes:
        steps: Optimiser steps.
        batch_size: Samples in a batch, over all processes together.
        learning_rate: Peak learning rate.
        final_learning_rate_fraction: Last learning rate, as a fraction of the peak.
        warmup_steps: Steps of linear warm-up; some 5 % of the steps do.
        weight_decay: Decoupled weight decay (arXiv 1711.05101), of weight matrices and kernels
            only: parameters of one dimension (biases, scales of norms) are left alone.
        gradient_clip: Largest global norm of the gradient, None for no bound.
        ema_decay: Largest decay of the averaged weights, which are the ones kept; 0 for no
            average. See `wdno.training.ema` for its own warm-up.
        ema_every: Steps between updates of the average.
        precision: `bf16` computes in mixed precision; weights and averages stay float32.
        compile: Compile with `torch.compile`: what the model's own `compile` does if it defines
            one, say its network alone, which compiles in a fraction of the time; else the loss.
        checkpoint_seconds: Seconds between saved states, from which training resumes.
        log_every: Steps between lines of the log.
        betas: Decays of Adam's two moments.
    """

    steps: int
    batch_size: int
    learning_rate: float
    final_learning_rate_fraction: float
    warmup_steps: int
    weight_decay: float
    gradient_clip: float | None
    ema_decay: float
    ema_every: int
    precision: Precision
    compile: bool
    checkpoint_seconds: float
    log_every: int
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        """Refuse settings that make no sense.

        Raises:
            ValueError: One is out of its range; the message names it.
        """
        for name in ("steps", "batch_size", "ema_every", "log_every"):
            self._require(name, getattr(self, name) >= 1, ">= 1")
        self._require("learning_rate", self.learning_rate > 0, "> 0")
        fraction = self.final_learning_rate_fraction
        self._require("final_learning_rate_fraction", 0 <= fraction <= 1, "in [0, 1]")
        self._require("ema_decay", 0 <= self.ema_decay < 1, "in [0, 1)")
        self._require("warmup_steps", 0 <= self.warmup_steps < self.steps, "in [0, steps)")
        self._require("weight_decay", self.weight_decay >= 0, ">= 0")
        self._require("betas", all(0 <= beta < 1 for beta in self.betas), "in [0, 1)")
        clip = self.gradient_clip
        self._require("gradient_clip", clip is None or clip > 0, "> 0 or None")
        self._require("precision", self.precision in ("float32", "bf16"), "'float32' or 'bf16'")
        self._require("checkpoint_seconds", self.checkpoint_seconds >= 0, ">= 0")

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ValueError(
                f"training settings: expected {name} {expected}, got {getattr(self, name)!r}"
            )

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        progress = (step - self.warmup_steps) / (self.steps - self.warmup_steps)
        fraction = self.final_learning_rate_fraction
        return self.learning_rate * (
            fraction + (1 - fraction) * 0.5 * (1 + math.cos(math.pi * progress))
        )
