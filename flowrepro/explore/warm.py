"""Imported by the process that workers are forked from: everything is loaded once."""

from flowrepro.explore import jobs

jobs.warm()
