"""The peak of memory that a piece of work takes."""

from __future__ import annotations

import pytest
import torch

from wdno.evaluation.memory import peak_memory

MEGABYTE = 10**6
CPU = torch.device("cpu")


def floats(megabytes: int) -> torch.Tensor:
    return torch.zeros(megabytes * MEGABYTE // 4)


def test_it_is_what_is_held_at_once() -> None:
    before = floats(50)
    with peak_memory(CPU) as peak:
        first = floats(2)
        del first
        second, third = floats(1), floats(3)
        before.add_(1.0)
        view = third.reshape(2, -1)[1:]
        del second, third  # of which the view holds three megabytes
        view = torch.cat([view.flatten(), floats(1)])
    assert peak.bytes == (3 + 1 + 2.5) * MEGABYTE
    assert view.numel()


def test_what_goes_on_living_counts() -> None:
    with peak_memory(CPU) as peak:
        kept = [floats(1) for _ in range(5)]
    assert peak.bytes == 5 * MEGABYTE
    del kept


def test_what_an_error_leaves() -> None:
    with pytest.raises(RuntimeError, match="size"), peak_memory(CPU):
        floats(1) + floats(2)
    with peak_memory(CPU) as peak:
        floats(1)
    assert peak.bytes == MEGABYTE


def test_a_convolution_takes_what_its_channels_do() -> None:
    """An input of one channel, and an output of 64."""
    network = torch.nn.Conv1d(1, 64, 3, padding=1)
    found = []
    for count in (1000, 2000):
        with torch.no_grad(), peak_memory(CPU) as peak:
            network(torch.zeros(1, 1, count))
        found.append(peak.bytes)
    assert found == [4 * 65 * 1000, 4 * 65 * 2000]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_asked_for_its_own() -> None:
    device = torch.device("cuda", torch.cuda.current_device())
    before = torch.zeros(10 * MEGABYTE, device=device)
    with peak_memory(device) as peak:
        first = torch.zeros(4 * MEGABYTE, device=device)
        del first
        torch.zeros(MEGABYTE, device=device)
    assert 16 * MEGABYTE <= peak.bytes < 20 * MEGABYTE
    assert before.numel()
