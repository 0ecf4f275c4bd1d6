from __future__ import annotations

import dataclasses
import hashlib
import json
import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from synthetic_evaluations import evaluation, evaluations

from wdno.evaluation.figures import (
    error_over_time,
    error_vs_evaluations,
    spectra,
    training_curves,
    trajectories,
)
from wdno.evaluation.figures.training import read_history
from wdno.evaluation.record import EvaluationError
from wdno.studies.sampler_study import COLUMNS, read_sampler_study, write_sampler_study

pytestmark = pytest.mark.filterwarnings("error")


def assert_written(path) -> None:
    image = imread(path.parent / f"{path.name}.png")
    assert np.ptp(image[..., :3]) > 0, "the figure is empty"
    assert (path.parent / f"{path.name}.pdf").read_bytes().startswith(b"%PDF")
    assert len(list(path.parent.iterdir())) == 2, "temporary files are left"


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize(
    ("options", "rows"),
    [({"seeds": 2}, 4), ({"seeds": 1, "fields": ("density", "velocity", "pressure")}, 6)],
)
def test_trajectories(tmp_path, drawn, options, rows):
    records = evaluations(("wdno", "fno"), **options)
    trajectories(records, tmp_path / "eta0.5")
    assert_written(tmp_path / "eta0.5")
    figure = drawn[0]
    # Truth and two methods, and a colour bar for each row.
    assert len(figure.axes) == rows * (3 + 1)
    error = records[0].example_prediction[0, 0] - records[0].example_truth[0, 0]
    measured = next(title for title in titles(figure) if title.startswith("MSE"))
    assert float(measured.split()[1]) == pytest.approx((error**2).mean(), rel=0.05)
    names = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert names == ["WDNO", "FNO"]
    assert figure.get_suptitle() == records[0].title


def test_trajectories_share_their_scales(tmp_path, drawn):
    records = [evaluation("persistence"), evaluation("wdno"), evaluation("ddpm")]
    trajectories(records, tmp_path / "a", cases=1)
    images = [axis.collections[0] for axis in drawn[0].axes[:8] if axis.collections]
    fields, errors = images[:4], images[4:7]
    limit = np.abs(records[0].example_truth[0]).max()
    assert [image.norm.vmax for image in fields] == pytest.approx([limit] * 4)
    assert len({(image.norm.vmin, image.norm.vmax) for image in errors}) == 1
    # Persistence is exact at the first frame: the colour of the smallest errors, not a gap.
    assert errors[0].get_array().min() < errors[0].norm.vmin
    assert not any(np.ma.is_masked(image.get_array()) for image in errors)


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_trajectories_that_are_not_finite_or_exact(tmp_path, drawn, scale):
    good, bad = evaluation("wdno"), evaluation("fno")
    prediction = bad.example_prediction.copy()
    prediction[0, 0, 4:, :5] = np.nan
    prediction[1] = np.inf
    bad = dataclasses.replace(bad, example_prediction=prediction)
    exact = dataclasses.replace(good, example_prediction=good.example_truth)
    trajectories([exact, bad], tmp_path / "a", error_scale=scale)
    assert_written(tmp_path / "a")
    assert titles(drawn[0]).count("not finite") == 2
    assert titles(drawn[0]).count("MSE 0") == 2


def test_trajectories_refuse_what_does_not_fit(tmp_path):
    records = evaluations(("wdno", "fno"), seeds=1)
    with pytest.raises(EvaluationError, match="method 'ddpm' has no evaluation"):
        trajectories(records, tmp_path / "a", methods=["wdno", "ddpm"])
    with pytest.raises(EvaluationError, match="4 examples asked for, 3 are recorded"):
        trajectories(records, tmp_path / "a", cases=4)
    with pytest.raises(EvaluationError, match="of one system"):
        trajectories([*records, evaluation("wdno", system="smoke")], tmp_path / "a")
    other = dataclasses.replace(records[1], example_truth=records[1].example_truth + 1)
    with pytest.raises(EvaluationError, match="examples are of other cases"):
        trajectories([records[0], other], tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_error_over_time(tmp_path, drawn):
    records = [evaluation("persistence"), *evaluations(("wdno", "fno"), seeds=3)]
    records += evaluations(("wdno",), seeds=1, system="advection")
    error_over_time(records, tmp_path / "a")
    assert_written(tmp_path / "a")
    left, right = drawn[0].axes
    titles = (left.get_title(), right.get_title())
    assert titles == ("Burgers equation", "Advection equation")
    assert (len(left.lines), len(left.collections)) == (3, 2), "a band where there are seeds"
    assert (len(right.lines), len(right.collections)) == (1, 0)
    lines = [record.scores.mse_over_time[:, 0].mean(axis=0) for record in records[1:4]]
    assert left.lines[1].get_ydata() == pytest.approx(np.mean(lines, axis=0))
    assert left.get_yscale() == "log"
    assert legend(drawn[0]) == ["Persistence", "WDNO", "FNO"]
    assert left.lines[1].get_color() == right.lines[0].get_color()


def test_error_over_time_of_each_field(tmp_path, drawn):
    records = evaluations(("wdno",), seeds=1, fields=("density", "pressure"))
    error_over_time(records, tmp_path / "a")
    left, right = drawn[0].axes
    assert right.get_title() == "Burgers equation\npressure"
    for index, axis in enumerate((left, right)):
        expected = records[0].scores.mse_over_time[:, index].mean(axis=0)
        assert axis.lines[0].get_ydata() == pytest.approx(expected)


def test_error_over_time_of_series(tmp_path, drawn):
    records = [evaluation("persistence", series=("share",)), evaluation("wdno", series=("share",))]
    records[0].scores.series_mse_over_time[:, 0, 0] = 1e-30
    error_over_time(records, tmp_path / "a")
    left, right = drawn[0].axes
    assert left.get_title() == "Burgers equation\nu"
    assert right.get_title() == "Burgers equation\nshare"
    expected = records[1].scores.series_mse_over_time[:, 0].mean(axis=0)
    assert right.lines[1].get_ydata() == pytest.approx(expected)
    largest = max(line.get_ydata().max() for line in right.lines)
    assert right.get_ylim() == pytest.approx((largest / 1e6, 2 * largest)), "tiny errors hide none"


def test_error_over_time_says_what_is_not_finite(tmp_path, drawn):
    records = evaluations(("wdno", "fno"), seeds=2)
    records[1].scores.mse_over_time[..., 5:] = math.nan
    records[2].scores.mse_over_time[:] = math.nan
    records[3].scores.mse_over_time[:] = math.inf
    error_over_time(records, tmp_path / "a")
    assert legend(drawn[0]) == ["WDNO (partly not finite)", "FNO (not finite)"]


@pytest.mark.parametrize("fields", [("u",), ("density", "pressure")])
def test_spectra(tmp_path, drawn, fields):
    records = evaluations(("wdno", "ddpm"), seeds=2, fields=fields)
    spectra(records, tmp_path / "a")
    assert_written(tmp_path / "a")
    assert len(drawn[0].axes) == len(fields)
    axis = drawn[0].axes[0]
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert axis.lines[0].get_ydata() == pytest.approx(records[0].scores.spectrum_truth[0, 1:-1])
    assert legend(drawn[0]) == ["Truth", "WDNO", "DDPM"]


def test_spectra_of_other_truths_are_refused(tmp_path):
    one, other = evaluation("wdno"), evaluation("fno")
    scores = dataclasses.replace(other.scores, spectrum_truth=2 * other.scores.spectrum_truth)
    with pytest.raises(EvaluationError, match="truth has another spectrum"):
        spectra([one, dataclasses.replace(other, scores=scores)], tmp_path / "a")


def study(tmp_path, seeds: int = 2):
    files = []
    for seed in range(seeds):
        rows = [
            (
                "burgers",
                "Burgers equation",
                "simulation",
                model,
                seed,
                sampler,
                eta,
                steps,
                9,
                (1 + seed) / steps,
                0.1,
            )
            for model in ("wdno", "ddpm")
            for sampler, eta in (("ddim", 0.0), ("ddim", 1.0), ("dpmpp_2m", None))
            for steps in (4, 1, 16)
        ]
        files.append(tmp_path / f"study{seed}.csv")
        write_sampler_study(files[-1], [dict(zip(COLUMNS, row, strict=True)) for row in rows])
    return read_sampler_study(files)


@pytest.mark.parametrize("seeds", [1, 2])
def test_error_vs_evaluations(tmp_path, drawn, seeds):
    data = study(tmp_path, seeds)
    error_vs_evaluations(data, tmp_path / "figures" / "a", labels={"wdno": "WDNO"})
    assert_written(tmp_path / "figures" / "a")
    axis = drawn[0].axes[0]
    assert len(axis.lines) == 6
    assert len(axis.collections) == (6 if seeds > 1 else 0)
    assert axis.lines[0].get_xdata().tolist() == [1, 4, 16]
    mean = np.mean([1 + seed for seed in range(seeds)])
    assert axis.lines[0].get_ydata() == pytest.approx(mean / np.array([1, 4, 16]))
    assert legend(drawn[0])[0] == "WDNO, DDIM, eta 0"
    assert legend(drawn[0])[5] == "ddpm, DPM-Solver++(2M)"
    assert len({line.get_color() for line in axis.lines}) == 2, "a colour for each model"
    assert len({line.get_marker() for line in axis.lines}) == 3, "a marker for each sampler"


def test_an_empty_study_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="at least one row"):
        error_vs_evaluations(study(tmp_path).iloc[:0], tmp_path / "a")


def write_history(path, steps: int = 20, **changes) -> None:
    lines = []
    for step in range(1, steps + 1):
        line = {"step": step, "loss": 1 / step, "seconds": 0.5 * step} | changes
        if step % 5 == 0:
            line["validation_loss"] = 2 / step
        lines.append(json.dumps(line))
    path.write_text("\n".join(lines) + "\n")


def test_training_curves(tmp_path, drawn):
    names = ("a0", "a1", "b0")
    for name in names:
        write_history(tmp_path / name)
    a0, a1, b0 = (tmp_path / name for name in names)
    histories = {"diffusion": {"WDNO": [a0, a1]}, "regression": {"FNO": [b0]}}
    training_curves(histories, tmp_path / "figures" / "a", title="Burgers equation")
    assert_written(tmp_path / "figures" / "a")
    figure = drawn[0]
    assert titles(figure) == []
    assert [axis.get_title(loc="left") for axis in figure.axes[::2]] == ["diffusion", "regression"]
    assert legend(figure) == ["WDNO", "FNO", "validation", "training (smoothed)"]
    data = [line.get_xdata() for line in figure.axes[1].lines]
    assert max(max(x) for x in data if len(x)) == 10.0, "seconds on the right"


def test_history_is_read_and_checked(tmp_path):
    path = tmp_path / "train.jsonl"
    write_history(path)
    history = read_history(path)
    assert history["validation_loss"].notna().sum() == 4
    assert history["seconds"].iloc[-1] == 10.0
    path.write_text(path.read_text()[:-10])
    with pytest.raises(EvaluationError, match=r"train.jsonl is damaged"):
        read_history(path)
    write_history(path, step=3)
    assert len(read_history(path)) == 20
    path.write_text('{"step": 2, "loss": 1}\n{"step": 1, "loss": 1}\n')
    with pytest.raises(EvaluationError, match="steps do not rise"):
        read_history(path)
    path.write_text("")
    with pytest.raises(EvaluationError, match="with the key 'step'"):
        read_history(path)
    with pytest.raises(EvaluationError, match="does not exist"):
        read_history(tmp_path / "absent")
    with pytest.raises(EvaluationError, match="at least one file"):
        training_curves({"": {}}, tmp_path / "a", title="Burgers equation")


def test_the_same_figure_is_the_same_file(tmp_path, drawn):
    records = evaluations(("wdno", "fno"), seeds=2)
    for name in ("a", "b"):
        error_over_time(records, tmp_path / name / "figure")
    for suffix in ("png", "pdf"):
        one, other = (tmp_path / name / f"figure.{suffix}" for name in ("a", "b"))
        digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, other)}
        assert len(digests) == 1, f"two {suffix} files of one figure differ"
        assert b"CreationDate" not in one.read_bytes()
