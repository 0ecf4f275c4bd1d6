"""Noise: one stream for every device, and for a sample in every batch."""

from __future__ import annotations

import pytest
import torch

from wdno.diffusion.noise import gaussian_noise


def _generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_reproducible_and_standard() -> None:
    first, second = (gaussian_noise((4000, 5), g) for g in _generators(1, 1))
    assert torch.equal(first, second)
    mean, variance = first.mean().item(), first.var().item()
    assert abs(mean) < 0.03 and abs(variance - 1) < 0.04, f"mean {mean}, variance {variance}"


def test_one_generator_per_sample_does_not_see_the_batch() -> None:
    batch = gaussian_noise((3, 2, 7), _generators(5, 6, 7))
    alone = gaussian_noise((1, 2, 7), _generators(7))
    assert torch.equal(batch[2:], alone)


def test_wrong_number_of_generators() -> None:
    with pytest.raises(ValueError, match=r"has 3, got 2 generators"):
        gaussian_noise((3, 2), _generators(5, 6))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_same_on_the_gpu() -> None:
    on_cpu, on_gpu = (
        gaussian_noise((3, 4), generator, device)
        for generator, device in zip(_generators(1, 1), ("cpu", "cuda"), strict=True)
    )
    assert on_gpu.device.type == "cuda" and torch.equal(on_cpu, on_gpu.cpu())
    with pytest.raises(ValueError, match="expected a CPU generator"):
        gaussian_noise((3, 4), torch.Generator("cuda"))
