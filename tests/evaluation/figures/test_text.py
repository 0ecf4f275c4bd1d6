"""Text in figures is shown as it is written, whatever it would mean in a formula."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from drawn_figures import legend
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from studied_variations import collect, variation, varied_record
from synthetic_evaluations import changed, evaluation, evaluations

from wdno.evaluation.figures import animation, error_over_time, series, spectra, trajectories
from wdno.evaluation.figures.style import drawing
from wdno.evaluation.record import Record
from wdno.studies.figure import study_figure

pytestmark = pytest.mark.filterwarnings("error")

# Two dollars begin and end a formula; these are none that matplotlib could set.
NASTY = r"$\frac{$ a|b *c* <d> \alpha _e_ {f} %"


def named(record: Record, label: str = NASTY, title: str = NASTY) -> Record:
    return changed(record, label=label, title=title)


def shown(figure: Figure) -> list[str]:
    """All texts of a figure that are no numbers along an axis."""
    sides = [side for axis in figure.axes for side in (axis.xaxis, axis.yaxis)]
    ticks = [one for side in sides for one in (*side.get_major_ticks(), *side.get_minor_ticks())]
    numbers = [text for tick in ticks for text in (tick.label1, tick.label2)]
    numbers += [side.offsetText for side in sides]
    known = set(map(id, numbers))
    texts = [text for text in figure.findobj(Text) if text.get_text() and id(text) not in known]
    assert not any(text.get_parse_math() for text in texts)
    return [text.get_text() for text in texts]


@pytest.mark.parametrize("draw", [trajectories, error_over_time, spectra])
@pytest.mark.parametrize("dims", [1, 2])
def test_names_are_shown_as_they_are(tmp_path, drawn, draw, dims):
    grid = (4, 16) if dims == 1 else (4, 16, 16)
    records = [named(one) for one in evaluations(("wdno", "fno"), seeds=1, grid=grid)]
    records[1] = changed(records[1], label="$")
    draw(records, tmp_path / "a")
    assert (tmp_path / "a.png").stat().st_size > 1000
    texts = [text.replace("\n", " ") for text in shown(drawn[0])]
    assert "$" in texts, "a single dollar"
    assert any(text.startswith(r"$\frac{$") for text in texts), texts


def test_numbers_along_a_logarithmic_axis_stay_powers_of_ten(tmp_path, drawn):
    records = [named(one) for one in evaluations(("wdno", "fno"), seeds=1)]
    spectra(records, tmp_path / "a")
    numbers = [text for text in drawn[0].axes[0].get_yticklabels() if "10^" in text.get_text()]
    assert numbers and all(text.get_parse_math() for text in numbers)


def test_text_is_drawn_letter_by_letter(tmp_path):
    # As wide as with other letters in the place of the dollars, and not as the formula.
    widths = {}
    for text in ("$x_i$", "SxSiS", r"\$x_i\$"):
        with drawing(tmp_path / "a", 4, 3) as figure:
            label = figure.text(0.5, 0.5, text)
        widths[text] = label.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width
    assert widths["$x_i$"] == pytest.approx(widths["SxSiS"], rel=0.2)
    assert widths[r"\$x_i\$"] > widths["$x_i$"], "a backslash is a letter too"


def test_names_of_series_and_moving_pictures(tmp_path, drawn):
    records = [
        named(evaluation(name, grid=(4, 16, 16), series=("share",))) for name in ("wdno", "fno")
    ]
    records[1] = changed(records[1], label="a name of more than twenty-four letters $")
    series(records, tmp_path / "series")
    assert any("share" in text for text in shown(drawn[0]))
    assert legend(drawn[0])[1] == NASTY
    animation(records, tmp_path / "moving")
    with Image.open(tmp_path / "moving.gif") as image:
        assert image.n_frames >= 4 and np.ptp(np.asarray(image.convert("L"))) > 0


def test_names_in_a_study(tmp_path, drawn):
    networks = [{"name": "$a$"}, {"name": "unet", "width": 3}]
    variations = [variation("wdno", f"wdno{k}", {"network": one}) for k, one in enumerate(networks)]
    records = [named(varied_record("wdno", f"wdno{k}", 0, 1.0 + k)) for k in range(2)]
    results = collect(variations, records, title=NASTY)
    results = dataclasses.replace(results, labels={"wdno": NASTY})
    study_figure(results, tmp_path / "a")
    figure = drawn[0]
    assert figure.get_suptitle() == NASTY and legend(figure) == [NASTY]
    ticks = [text for text in figure.axes[0].get_xticklabels()]
    assert [text.get_text() for text in ticks] == [r"\$a\$", "unet, width 3"]
    parsed = [text._preprocess_math(text.get_text()) for text in ticks]
    assert parsed[0] == ("$a$", False), "a dollar, and no formula"
