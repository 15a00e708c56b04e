"""Labelled points from a csv file: descend, judge what the papers state, keep the run as a folder.

python own_points.py [FILE] [FOLDER]    the last column of FILE is the label, -1 or 1
"""

import sys
from pathlib import Path

import numpy as np

import flowrepro as fr

file = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".csv")
folder = sys.argv[2] if len(sys.argv) > 2 else "own-points"

table = np.loadtxt(file, delimiter=",", skiprows=1)
X, y = table[:, :-1], table[:, -1]
print("largest margin of a linear separator:", getattr(fr.margin(X, y).separator, "margin", None))

W, a = fr.init.balanced(m=30, d=X.shape[1], scale=1e-4, seed=0)
run = fr.descend(X, y, W, a, loss="logistic", lr=0.05, steps=4000, engine="torch")
print(run)
print("wrong labels:", int(np.sum(np.sign(run.predict(X)) != y)))
print(fr.claims(run))

print("stored in", run.save(folder))  # flowrepro show, verify, rerun and report read it
fr.plot.overview(run).savefig(f"{folder}.png")
