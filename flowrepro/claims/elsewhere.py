"""A claim on a run that its paper did not declare: what it cannot measure there does not apply."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from flowrepro.claims.claim import Claim, NotApplicable, require
from flowrepro.claims.verdict import not_applicable


class Elsewhere:
    """A claim that judges runs of the user's own.

    Such a run may lack what the paper's own cases have: weights at certain steps, an observed
    quantity, points of a certain form. The claim is N/A then, with the reason.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.id, self.paper, self.place = claim.id, claim.paper, claim.place
        self.sentence, self.kind, self.over_seeds = claim.sentence, claim.kind, claim.over_seeds

    def judges(self, case: Any) -> bool:
        """Every single training."""
        return case.seeds is None

    def to_json(self, result: Any) -> dict[str, Any]:
        """As `claim.Claim.to_json`; one claim's defect leaves the others their verdicts."""
        try:
            if not self.claim.given:
                require("it states no hypothesis, and so speaks of its paper's own case only")
            if result.case.record.times:
                require("the run was recorded at chosen times; give fr.flow a horizon instead")
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore", RuntimeWarning)
                return self.claim.to_json(result)
        except NotApplicable as reason:
            return self._refused(result, str(reason))
        except Exception as error:
            why = f"it cannot be measured on this run ({type(error).__name__}: {error})"
            warnings.warn(f"a defect of flowrepro: claim {self.claim.id}: {why}", stacklevel=2)
            return self._refused(result, why)

    def _refused(self, result: Any, reason: str) -> dict[str, Any]:
        about = {
            "id": self.id,
            "place": f"{self.paper}, {self.place}",
            "sentence": self.sentence,
            "case": result.case.name,
            "kind": self.kind,
            "label": "",
        }
        return {**about, **not_applicable(reason).to_json()}
