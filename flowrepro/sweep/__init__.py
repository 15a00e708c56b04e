"""Sweeps: a grid of overrides times seeds, on local workers or on Dask. What is on disk is the
truth; a rerun does what is missing.

grid.py      values as lists and ranges, down to 1e-10000 -> the cases of a sweep
tasks.py     one case, or one ensemble of seeds, as a task of some seconds, and what a worker does
with it
pool.py      local workers that may be killed
cluster.py   the same tasks on dask.distributed
together.py  the cases of experiments on the same workers
driver.py    submit what is missing, say what was lost
summary.py   one tidy table of all runs, from disk
figure.py    a line with its band for one key, a heat map for two
"""
