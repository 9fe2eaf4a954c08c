"""Errors that a person can put right: one line of text each, never a traceback."""

from __future__ import annotations


class DiagnoseError(Exception):
    """What was expected, what came, where, and what to do. A command prints the line and ends with `status`."""

    status = 1


class UsageError(DiagnoseError):
    """The command line or the settings ask for something that does not exist."""

    status = 2
