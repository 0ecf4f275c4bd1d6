"""Data in and out: NetCDF files of trajectories, and batches of tensors from them."""
