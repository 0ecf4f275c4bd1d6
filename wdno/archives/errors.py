"""What can go wrong with a record of others."""

from __future__ import annotations


class RecordError(ValueError):
    """A record that cannot be had or used; the message says which, why, and what to do."""


class DownloadError(RecordError):
    """A file that could not be downloaded; nothing is left under its name."""


class ChecksumError(DownloadError):
    """A file that arrived whole and is not the one that was asked for."""


class LacksVariableError(RecordError):
    """A file that is whole and does not have the variable."""
