"""What lies on disk: atomic files and locks, one careful reader, the run directory, where a result
comes from.
"""
