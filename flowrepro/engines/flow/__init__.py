"""The gradient flow itself, event-driven (Clarke/Filippov), of two-layer (leaky) ReLU networks.

net.py           hyperplanes instead of samples, parallel ones merged
state.py         log-polar coordinates, the invariant a^2 - ||w||^2
forces.py        right-hand side with frozen modes
runge_kutta.py   Dormand-Prince step, dense output
release.py       which velocities are regular solutions on an intersection of hyperplanes
resolve.py       what a neuron does there: cross, slide, leave, die
events.py        which neuron meets what within a step
locate.py        the exact instant, and the step up to it
batch.py         many events in one step, each neuron on its own
march.py         the loop over steps and save times
fast_forward.py  closed forms while the net is negligible
flow.py          integrate(...) -> FlowResult
engine.py        the engine of the contract in engines/base.py

Limits, each said in the result where it matters: a run that ends at a stationary point goes on to
its horizon (a saddle would look the same); exits from a slide are looked for at ends of steps, not
on the dense output; the error of steps with many events is reported (``sum_e2``), not controlled;
more than six planes meeting at one neuron are resolved by the same search, which is exponential in
their number; many neurons sliding at one instant can end a run with ZENO, with what was reached
kept.
"""
