r"""A model: representation, network and objective put together for a problem.

With the encoding $W$ of the representation and its scales $s$, the network learns

$$ p\big( s^{-1} W u \,\big|\, s_g^{-1} W g \big), $$

of the parts $u$ that are generated given the parts $g$. Each part is transformed over the axes that
it has and repeated over the others; what has no space is averaged over it on the way back. The
channels are those of all generated parts, and of all given ones, in the order of the problem. For a
simulation with forcing $f$ and initial state $u_0$ this is $p(u_{1..T} \mid f, u_0)$ (arXiv
2412.04833, section 3). On axes that are periodic the transform and the network's convolutions wrap
around.

Fields that are generated enter as departures from their means in training, and so do given ones
that are like them: a transform that continues them by zeros would see a temperature in kelvin as
its edges. With a representation that is `relative`, what is generated stands for the departure from
the latest given frame, where the part has one, which is added again. Other given parts, and
numbers, are taken as they are.

A part that has a `base`, a given part like it, is generated as the departure from that. A model of
several levels is asked for one of them by ``grid_level`` in the batch (halvings of the finest grid
of training, negative for doublings): grid and scales are then those of the level, see
:mod:`wdno.representations.scaling`.

A problem with a number that tells a level of noise is one whose given parts are noised in training,
see :mod:`wdno.augmentation`. A departure from a noised part is one that removes its noise.

An objective with `stepping` maps one frame to the next; its network sees the frame and the
condition that leads to the next one, and has no axis of time. The given frames that it starts from
are then no condition.

| module | holds |
|---|---|
| `coding` | from the parts of a problem to normalised channels, and back |
| `scales` | the scales of these channels, measured on training data |
| `model` | the objective and its network on top: loss and prediction |
| `asked` | what it is asked with, checked |
| `files` | trained models on disk |
"""

from wdno.model.coding import AXES
from wdno.model.files import load, save, start_from
from wdno.model.model import Model

__all__ = ["AXES", "Model", "load", "save", "start_from"]
