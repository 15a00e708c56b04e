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

EXIT_CODES = {
    0: ("done, and no claim FAILs", ""),
    1: (
        "an error in flowrepro itself",
        "its details are in the file that the message names; report it",
    ),
    2: (
        "an option, key or value that does not exist or is out of its range",
        "correct the word that the message names",
    ),
    3: (
        "input data that cannot be used: a file of points or weights, a stored run",
        "correct the place in the file that the message names",
    ),
    4: (
        "a run that ended before its horizon: a number left the range of doubles, or "
        "`--strict` asked for it",
        "what it reached is kept; change the step or the tolerance that the message names",
    ),
    5: (
        "a claim FAILs, nothing at all could be judged, or a repeated run differs",
        "read the note of the claim: it has the measured number and the bound",
    ),
    6: (
        "a sweep in which runs are missing or failed",
        "give the same command again; it computes what is missing",
    ),
    7: (
        "a device, a disk, a lock or an installation that does not allow the run",
        "make room, free the folder or install what the message names; the same command resumes",
    ),
    129: ("stopped by SIGHUP, for instance a closed terminal", "the same command resumes"),
    130: ("stopped by Ctrl-C (SIGINT)", "the same command resumes"),
    141: ("the reader of stdout went away, as in `flowrepro list | head`", ""),
    143: ("stopped by SIGTERM, for instance a batch system", "the same command resumes"),
}
"""Exit code -> what it means, and what to do."""
