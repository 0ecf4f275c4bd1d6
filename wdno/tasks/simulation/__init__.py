"""Simulation: the trajectory from the given frames and the forcing."""
