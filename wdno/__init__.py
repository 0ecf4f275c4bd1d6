"""WDNO: the Wavelet Diffusion Neural Operator (arXiv 2412.04833) as a reproducible pipeline."""

__version__ = "0.1.0"
