from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
from drawn_figures import kept, legend, with_examples, with_scores
from matplotlib.figure import Figure
from matplotlib.image import imread
from synthetic_evaluations import changed, evaluation, evaluations

from wdno.evaluation.figures import (
    error_over_time,
    spectra,
    training_curves,
    trajectories,
)
from wdno.evaluation.figures.training import read_history
from wdno.evaluation.record import EvaluationError

pytestmark = pytest.mark.filterwarnings("error")


def assert_written(path) -> None:
    image = imread(path.parent / f"{path.name}.png")
    assert np.ptp(image[..., :3]) > 0, "the figure is empty"
    assert (path.parent / f"{path.name}.pdf").read_bytes().startswith(b"%PDF")
    assert len(list(path.parent.iterdir())) == 2, "temporary files are left"


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


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
    error = kept(records[0], "prediction")[0, 0] - kept(records[0], "truth")[0, 0]
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
    limit = np.abs(kept(records[0], "truth")[0]).max()
    assert [image.norm.vmax for image in fields] == pytest.approx([limit] * 4)
    assert len({(image.norm.vmin, image.norm.vmax) for image in errors}) == 1
    # Persistence is exact at the first frame: the colour of the smallest errors, not a gap.
    assert errors[0].get_array().min() < errors[0].norm.vmin
    assert not any(np.ma.is_masked(image.get_array()) for image in errors)


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_trajectories_that_are_not_finite_or_exact(tmp_path, drawn, scale):
    good, bad = evaluation("wdno"), evaluation("fno")
    prediction = kept(bad, "prediction").copy()
    prediction[0, 0, 4:, :5] = np.nan
    prediction[1] = np.inf
    bad = with_examples(bad, prediction=prediction)
    exact = with_examples(good, prediction=kept(good, "truth"))
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
    other = with_examples(records[1], truth=kept(records[1], "truth") + 1)
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
    lines = [record.scores["mse_over_time"].values[:, 0].mean(axis=0) for record in records[1:4]]
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
        expected = records[0].scores["mse_over_time"].values[:, index].mean(axis=0)
        assert axis.lines[0].get_ydata() == pytest.approx(expected)


def test_error_over_time_of_series(tmp_path, drawn):
    records = [evaluation("persistence", series=("share",)), evaluation("wdno", series=("share",))]
    records[0].scores["series_mse_over_time"].values[:, 0, 0] = 1e-30
    error_over_time(records, tmp_path / "a")
    left, right = drawn[0].axes
    assert left.get_title() == "Burgers equation\nu"
    assert right.get_title() == "Burgers equation\nshare"
    expected = records[1].scores["series_mse_over_time"].values[:, 0].mean(axis=0)
    assert right.lines[1].get_ydata() == pytest.approx(expected)
    largest = max(line.get_ydata().max() for line in right.lines)
    assert right.get_ylim() == pytest.approx((largest / 1e6, 2 * largest)), "tiny errors hide none"


def test_error_over_time_says_what_is_not_finite(tmp_path, drawn):
    records = evaluations(("wdno", "fno"), seeds=2)
    records[1].scores["mse_over_time"].values[..., 5:] = math.nan
    records[2].scores["mse_over_time"].values[:] = math.nan
    records[3].scores["mse_over_time"].values[:] = math.inf
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
    truth, drawn_by_first = (
        records[0].scores[f"spectrum_{of}"].values for of in ("truth", "prediction")
    )
    assert axis.lines[0].get_ydata() == pytest.approx(truth[0, 1:-1])
    second = records[1].scores["spectrum_prediction"].values
    mean = (drawn_by_first + second)[0, 1:-1] / 2
    assert axis.lines[1].get_ydata() == pytest.approx(mean)
    assert legend(drawn[0]) == ["Truth", "WDNO", "DDPM"]


def test_spectra_of_other_truths_are_refused(tmp_path):
    one, other = evaluation("wdno"), evaluation("fno")
    other = with_scores(other, spectrum_truth=2 * other.scores["spectrum_truth"].values)
    with pytest.raises(EvaluationError, match="truth has another spectrum"):
        spectra([one, other], tmp_path / "a")


def test_curves_that_a_record_lacks_are_refused(tmp_path):
    record = evaluation("wdno")
    record = changed(record, scores=record.scores.drop_vars("spectrum_prediction"))
    with pytest.raises(EvaluationError, match="expected the curve 'spectrum_prediction'"):
        spectra([record], tmp_path / "a")
    record = changed(record, scores=record.scores.drop_vars("time"))
    with pytest.raises(EvaluationError, match="'mse_over_time' and the coordinate along it"):
        error_over_time([record], tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_records_read_without_examples_are_refused(tmp_path):
    record = changed(evaluation("wdno"), examples=None)
    with pytest.raises(EvaluationError, match="read without its examples"):
        trajectories([record], tmp_path / "a")
    record = evaluation("wdno")
    record = changed(record, examples=record.shown().drop_vars("prediction"))
    with pytest.raises(EvaluationError, match="'prediction' of the examples is absent"):
        trajectories([record], tmp_path / "a")


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
