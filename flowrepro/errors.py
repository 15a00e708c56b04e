"""The errors a user may meet: one sentence each, with a documented exit code."""

from __future__ import annotations


class FlowreproError(Exception):
    """An error that is shown to the user as its message alone.

    The message is one sentence that names the input, the rule and the remedy.
    """

    exit_code = 1


class UsageError(FlowreproError, ValueError):
    """An option, key or value that does not exist or is out of its range."""

    exit_code = 2


class DataError(FlowreproError, ValueError):
    """Input data (a file of points or weights, a packaged data set, a stored run) that cannot be
    used.
    """

    exit_code = 3


class NumericalError(FlowreproError):
    """A run that ended without reaching its horizon."""

    exit_code = 4


class EnvironmentFault(FlowreproError):
    """A device, disk, lock or installation that does not allow the run."""

    exit_code = 7


class DiskFault(EnvironmentFault):
    """A disk that is full, or a folder that cannot be written: nothing else could be kept
    either.
    """


class Interrupted(BaseException):
    """The user or the system asked for an end; what was computed is on disk.

    It may be raised anywhere, so that no handler of faults may take it for one.
    """


EXIT_CLAIM_FAILED = 5
EXIT_SWEEP_INCOMPLETE = 6
