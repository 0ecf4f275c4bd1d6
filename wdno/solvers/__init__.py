"""Numerical methods for the physical systems, independent of models and of files.

Every solver takes initial states and forcing on coordinates, and returns the solution at equally
spaced times on coordinates. The solvers of one equation share one signature.
"""
