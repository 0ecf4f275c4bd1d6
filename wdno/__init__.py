"""WDNO: the Wavelet Diffusion Neural Operator (arXiv 2412.04833) as a reproducible pipeline.

A trained model is asked by :func:`predict`, which is :func:`wdno.prediction.predict`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wdno.prediction import predict

__all__ = ["predict"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # By name and when it is asked for: it needs torch, and no stage of the workflow.
    if name != "predict":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.prediction").predict
