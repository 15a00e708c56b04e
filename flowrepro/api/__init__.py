"""What ``import flowrepro as fr`` gives, on arrays in memory; `flowrepro` itself imports these
modules when asked.

init.py       fr.init.balanced(m, d, scale=..., seed=...), and the other laws of initial weights
train.py      fr.flow and fr.descend: from arrays to a run
cases.py      the case of a training on arrays, and the training itself
run.py        fr.Run: what a run recorded, its states at any time, saving
dense.py      the state of a flow at any time
stored.py     fr.load: a run from its folder
judge.py      fr.claims: what the papers state of such a run
geometry.py   fr.margin and fr.cones: what the points alone decide
plot.py       fr.plot: pictures of a run, and its animation
views.py      what they show, as panels
torch.py      fr.models and fr.from_torch: networks of PyTorch
"""
