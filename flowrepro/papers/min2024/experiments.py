r"""Cases of min2024 (early neuron alignment in two-layer ReLU networks with small initialisation).

Paper -> here: W (D, h) with columns w_j -> W (m, d) with rows w_j; v -> a; h -> m; \epsilon, \alpha -> scale;
\eta -> lr; x_+ = sum_{y_i > 0} x_i and x_- = sum_{y_i < 0} x_i (raw sums); V_+- = {j : sign(a_j) = +-1}.
The stated iteration counts need the mean over samples and a loss of slope 1 at f = 0: exp or logistic2.
"""

from __future__ import annotations

from flowrepro.papers.min2024 import theory_cases, toy_cases

CASES = (*toy_cases.CASES, *theory_cases.CASES)
