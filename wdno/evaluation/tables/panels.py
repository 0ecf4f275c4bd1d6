"""Panels that the table of every task has: scores, scores of each field, design and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wdno.evaluation.bootstrap import FEWEST_BLOCKS
from wdno.evaluation.tables.columns import Columns, View
from wdno.evaluation.tables.marks import NOTE
from wdno.text_tables import Panel


def error_panel(
    view: View,
    scores: Sequence[str],
    *,
    beside: Mapping[str, Sequence[str]] | None = None,
    further: Sequence[str] = (),
    notes: Sequence[str] = (),
    times_better: bool = True,
    baseline: bool = True,
    heading: str = "errors",
) -> Panel:
    """Return the main panel: scores, comparisons between methods, time and size.

    Args:
        view: rows of one system.
        scores: those before the comparisons.
        beside: texts of further columns after the comparisons, by their headings.
        further: scores after these.
        notes: of the task, last.
        times_better: whether each method without training has a column of its own.
        baseline: whether the best of those without training has one.
        heading: what the panel shows.
    """
    rows, metric = view.rows, view.metrics[view.compared]
    better, worse = ("above", "below") if metric.better == "higher" else ("below", "above")
    columns = Columns(view)
    columns.counts("Seeds", "seeds")
    columns.note(
        "Scores are means over test cases, then mean ± sample standard deviation over training "
        "seeds (no ± for one seed).",
        f"{NOTE} Methods without training do not compete, but where a note says so.",
        "Sampler: name and steps; eta 0 is deterministic given the initial noise, 1 as noisy as "
        "ancestral sampling; with several samples of each case, their number. Seconds: for one "
        "sample of one case.",
    )
    for name in scores:
        columns.score(name)
    if label := columns.ratio("reference"):
        columns.note(
            f"{label}: ratio of the means of {metric.label} and its bootstrap interval, paired "
            f"over cases and crossed with seeds; {worse} 1 is worse, an interval that holds 1 "
            "shows no difference. With one seed it covers the choice of test cases only. Cases of "
            "a record that overlap in time are resampled in blocks as long as a window; with "
            f"fewer than {FEWEST_BLOCKS} blocks no interval is given."
        )
    if baseline and (label := columns.ratio("baseline")):
        columns.note(
            f"{label}: the same against the best of the methods without training. Only a ratio "
            f"whose whole interval is {better} 1 shows that a learned method is better."
        )
    if times_better and (labels := columns.times_better()):
        way = "higher" if metric.better == "higher" else "lower"
        columns.note(
            f"{', '.join(labels)}: how many times {way} the {metric.label} is than that of this "
            "method without training."
        )
    for label, texts in (beside or {}).items():
        columns.texts(label, texts)
    for name in further:
        columns.score(name)
    columns.numbers("Seconds", "seconds_per_trajectory")
    columns.counts("Parameters", "parameters")
    columns.note(*notes)
    cases, blocks = rows["cases"].iloc[0], rows["blocks"].iloc[0]
    overlap = f" (in {blocks} periods of a window's length)" if blocks < cases else ""
    grid = rows["grid"].iloc[0]
    return columns.panel(
        "errors", f"{heading} on {cases} test cases{overlap} of {grid} (time x space)"
    )


def score_panel(
    view: View, scores: Sequence[str], name: str, heading: str, notes: Sequence[str] = ()
) -> Panel | None:
    """Return a panel of scores alone; None where none of them has a value.

    Args:
        view: rows of one system.
        scores: names of the scores.
        name: short name of the panel.
        heading: what it shows.
        notes: before those of the scores.
    """
    columns = Columns(view)
    columns.note(*notes)
    added = [columns.score(score) for score in scores]
    return columns.panel(name, heading) if any(added) else None


def item_panel(
    view: View, scores: Sequence[str], kinds: Sequence[str] | None = None
) -> Panel | None:
    """Return the panel of each field and series; None where there is one alone.

    Args:
        view: rows of one system.
        scores: names of the scores, which the rows have for each item.
        kinds: of the items; None: all.
    """
    columns = Columns(view)
    items = [item for item, kind in view.items.items() if kinds is None or kind in kinds]
    if len(items) < 2:
        return None
    for item in items:
        for name in scores:
            if view.has(f"{item}_{name}"):
                columns.score(name, item=item)
        columns.item_ratio(item)
    columns.note("Errors of a field are in its own units, mean over times, space and cases.")
    return columns.panel("fields", "errors of each field")


def cost_panel(view: View) -> Panel:
    """Return the panel of design and cost.

    Args:
        view: rows of one system.
    """
    columns = Columns(view)
    for name in ("representation", "network", "objective"):
        columns.words(name.capitalize(), name)
    columns.counts("Parameters", "parameters")
    columns.counts("Training steps", "training_steps")
    columns.numbers("Training seconds", "training_seconds")
    columns.counts("Evaluations", "evaluations")
    columns.numbers("Seconds", "seconds_per_trajectory")
    measured = view.has("memory_mb")
    if measured:
        columns.numbers("Memory (MB)", "memory_mb")
    columns.words("Device", "device")
    columns.note(
        "Representation, network, objective: what the network sees, the network, and how it is "
        "trained; a method is a choice on these three axes and a sampler.",
        "Training steps and seconds are of one training, means over seeds. Evaluations: of the "
        "network for one sample of one case. Times are of the device named and whatever else ran "
        "on it.",
    )
    if measured:
        sizes = [int(size) for size in view.rows["batch"].dropna().unique()]
        columns.note(
            f"Memory: the most that predicting {' or '.join(map(str, sizes))} cases at a time took "
            "at once, beyond the weights."
        )
    return columns.panel("costs", "design and cost")
