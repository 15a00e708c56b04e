"""What lies on disk: atomic files and locks, the run directory, where a result comes from."""
