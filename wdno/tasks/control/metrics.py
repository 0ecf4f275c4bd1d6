"""What the scores of control mean."""

from __future__ import annotations

from wdno.evaluation.metric import Metric, Metrics

J = Metric(
    "j",
    "J",
    "1",
    note="J: what control lowers, by the true solver from the given initial state, driven by the "
    "controller's forcing alone; the sum of its weighted terms.",
)
BETTER = Metric(
    "better_than_data",
    "Better than data",
    "1",
    better="higher",
    note="Better than data: share of the cases with a lower J than under the control that the case "
    "was drawn with.",
)
DEVIATION = Metric(
    "deviation",
    "Deviation",
    "1",
    note="Deviation: mean squared distance from the target at the end.",
)
ENERGY = Metric(
    "energy",
    "Energy",
    "1",
    better="neither",
    note="Energy: the term of J that the control costs.",
)
MISSED = Metric(
    "missed",
    "Missed",
    "1",
    note="Missed: share of the smoke at the start that the target has not caught in the end.",
)
MISSED_SHARE = Metric(
    "missed_share",
    "J, published",
    "1",
    better="neither",
    note="J, published: 1 - share of the target in all smoke that is caught or still in the "
    "domain, each bit of smoke counted once. Any strong wind lowers it: smoke that it blows out of "
    "the domain is in no count.",
)
MISSED_TWICE = Metric(
    "missed_twice",
    "J, paper's count",
    "1",
    better="neither",
    note="J, paper's count: the same with smoke counted again at every step that it stays in a "
    "bucket, as the evaluator of arXiv 2412.04833 does; only this compares with its numbers.",
)
AMPLITUDE = Metric(
    "control_energy",
    "Mean square",
    "1",
    better="neither",
    note="Mean square: of the control, over where it may act and time.",
)
LARGEST = Metric(
    "largest",
    "Largest",
    "1",
    better="neither",
    note="Largest: mean over cases of the largest absolute value of the control.",
)
LOST = Metric(
    "smoke_lost",
    "Smoke lost",
    "1",
    better="neither",
    note="Smoke lost: share of the smoke that has left the domain or that advection has lost.",
)
CALLS = Metric(
    "solver_calls",
    "Solutions",
    "1",
    better="neither",
    note="Solutions and gradients: of the true solver, asked by the controller for one case; a "
    "gradient holds a solution. Those on validation cases, by which a weight is chosen, are not "
    "counted.",
)
GRADIENTS = Metric("solver_gradients", "Gradients", "1", better="neither")

METRICS = Metrics(
    (
        *(J, BETTER, DEVIATION, MISSED, ENERGY, MISSED_SHARE, MISSED_TWICE),
        *(AMPLITUDE, LARGEST, LOST, CALLS, GRADIENTS),
    )
)

PER_GRADIENT = "seconds of a gradient"
"""Among the notes of a record: time of a gradient of one case, of a method that asks for some."""

COMPARED = J.name
"""The score that ratios between methods are made of."""
