"""Fifty points in three dimensions: train from a small start, and draw where the neurons point."""

import numpy as np

import flowrepro as fr

rng = np.random.default_rng(0)
X = rng.standard_normal((50, 3))
y = np.maximum(X[:, 0], 0) - np.maximum(X[:, 1], 0)  # the sum of two neurons

W, a = fr.init.balanced(m=20, d=3, scale=1e-3, seed=0)
run = fr.flow(X, y, W, a, t=30.0, rtol=1e-6)
print(run)

fr.plot.overview(run).savefig("overview.png")
fr.plot.directions(run).savefig("directions.png")
