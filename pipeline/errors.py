"""The few exceptions that are raised on purpose.  Each message names the value and what to change."""

from __future__ import annotations


class MarsadError(Exception):
    """Anything that ends a command with a message instead of a traceback."""

    exit_code = 1


class ConfigError(MarsadError):
    """The configuration or the call is wrong; nothing was started."""

    exit_code = 2


class ExportError(MarsadError):
    """A whole file cannot be read: not there, not the format that it was declared to be."""


class BooksError(MarsadError):
    """A row was lost or counted twice.  The run is not published."""


class ShrinkError(MarsadError):
    """A source holds far fewer posts than before; the last good rows stay."""


class DatasetError(MarsadError):
    """The dataset on disk is damaged, or newer than this program."""


class DamageWarning(UserWarning):
    """The current version of a dataset is damaged, and an older one is read instead."""


class ClusterError(MarsadError):
    """The cluster is gone, or a worker of it is not fit.  The run is not published."""


class LockedError(MarsadError):
    """Somebody else writes this dataset now.  Try later."""

    exit_code = 75


class Stopped(BaseException):
    """A signal asked the run to stop.  Nothing half done is visible.

    It can arrive at any line, so that it must pass every `except Exception`, as KeyboardInterrupt does.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.exit_code = 128 + signal_number
