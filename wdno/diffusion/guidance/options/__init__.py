"""Options of the guidances, a module each, without torch.

Each module has a class under the alias ``Options``; its name is that of the guidance.
"""
