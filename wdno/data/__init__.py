"""Data in and out: NetCDF files of trajectories, and batches of tensors from them."""

HALVED = "wdno.data.halved"
"""What makes samples of coarser grids; by name, as only those who ask for it depend on it."""
