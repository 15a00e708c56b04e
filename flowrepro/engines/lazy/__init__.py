"""Gradient descent for few neurons and many samples: its cost per step does not grow with the
samples.

Between two changes of an activation the square loss is a quadratic in the vectors u_j = (gain of
a_j) w_j, so a step needs one product with a matrix of size m d (quadratic.py). Whether an
activation changes is asked of a sample only once its neuron has moved far enough (watch.py). The
iterates are those of dense descent up to rounding (engine.py).
"""
