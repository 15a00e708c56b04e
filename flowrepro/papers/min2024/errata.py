"""Places where min2024 prints something else than what its proofs or its experiments need."""

from __future__ import annotations

from flowrepro.theory.result import Erratum

ERRATA = (
    Erratum(
        id="min2024.E1",
        place="Section 4",
        printed="for centred digits, almost cos(x_+, x_-) = -1",
        correct="cos(x_+, x_-) = -1 exactly",
        reason="centring makes x_+ + x_- = sum_i x_i = 0; measured |cos + 1| <= 3e-16 (check F5.opposite)",
    ),
    Erratum(
        id="min2024.E2",
        place="Section 4, alignment phase",
        printed="V_+(t) = {j : sign(v_j(t)) > 0} and V_+(t) = {j : sign(v_j(t)) > 0}",
        correct="the second set is V_-(t) = {j : sign(v_j(t)) < 0}",
        reason="the sentences that follow compare neurons of V_- with x_-",
    ),
    Erratum(
        id="min2024.E3",
        place="Section 2.1, logistic loss",
        printed="l(y, f) = log(1 + exp(-y f))",
        correct="l(y, f) = 2 log(1 + exp(-y f)), as in the appendix",
        reason="Lemma 2 needs the slope 1 at f = 0 (measured |-l'(y, 0) - y| = 1/2 without the 2), and so do the stated iteration counts",
    ),
    Erratum(
        id="min2024.E4",
        place="Section 2.1, the loss",
        printed="L = sum_i l(y_i, f(x_i)), also for the experiments",
        correct="the experiments descend the mean over samples",
        reason="with lr = 2e-3 and the sum the loss of a 1000-image subset is below 0.9 at iteration 7 (measured, seeds 0 to 2), not near 3000",
    ),
)
