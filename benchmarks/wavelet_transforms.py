"""Time of the wavelet transform and its inverse: matrices against pytorch_wavelets.

    python benchmarks/wavelet_transforms.py [--runs 9] [--threads 1] [--device cpu] [--backward]

prints one line per case: the median over the runs of forward + inverse (and, with ``--backward``,
of the gradient of a sum of squares of the result) in milliseconds, and how many times faster the
matrices are. On a CPU with one thread it is the time of the process, which a busy machine disturbs
less; otherwise the time on the clock.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor

from wdno.representations.wavelet_transform import BACKENDS, WaveletTransform

CASES = [
    ((64, 2, 80, 120), "bior2.4", "periodization"),
    ((64, 2, 80, 120), "bior2.4", "zero"),
    ((64, 2, 80, 120), "bior1.3", "zero"),
    ((8, 6, 32, 64, 64), "bior1.3", "zero"),
    ((8, 6, 32, 64, 64), "bior2.4", "zero"),
]


def milliseconds(transform: WaveletTransform, x: Tensor, runs: int, backward: bool) -> float:
    """Median time of forward + inverse, after two runs to warm up."""
    on_gpu = x.device.type == "cuda"
    clock = time.perf_counter if on_gpu or torch.get_num_threads() > 1 else time.process_time
    axes, sizes = range(2, x.ndim), x.shape[2:]
    times = []
    for _ in range(runs + 2):
        x = x.detach().requires_grad_(backward)
        start = clock()
        y = transform.idwt(transform.dwt(x, axes), axes, sizes)
        if backward:
            torch.autograd.grad(y.square().sum(), x)
        if on_gpu:
            torch.cuda.synchronize()
        times.append(clock() - start)
    return 1e3 * statistics.median(times[2:])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=9, help="runs of which the median is taken")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--backward", action="store_true", help="with the gradient")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| data | wavelet | mode | pytorch_wavelets / ms | matrices / ms | ratio | error |")
    print("|---|---|---|---|---|---|---|")
    for shape, family, mode in CASES:
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(options.device)
        matrices, library = (WaveletTransform(family, mode, backend) for backend in BACKENDS)
        fast, slow = (
            milliseconds(transform, x, options.runs, options.backward)
            for transform in (matrices, library)
        )
        axes = range(2, x.ndim)
        error = (matrices.idwt(matrices.dwt(x, axes), axes, x.shape[2:]) - x).norm() / x.norm()
        print(
            f"| {' x '.join(map(str, shape))} | {family} | {mode} | {slow:.1f} | {fast:.1f} "
            f"| {slow / fast:.1f} | {float(error):.1e} |"
        )


if __name__ == "__main__":
    main()
