"""What the study cases of lee2022 compute, by name."""

from __future__ import annotations

from flowrepro.papers.lee2022.curvature import compute_curvature
from flowrepro.papers.lee2022.deep_network import compute_deep
from flowrepro.papers.lee2022.dips import compute_dips
from flowrepro.papers.lee2022.flips import compute_flips
from flowrepro.papers.lee2022.flow_to_descent import compute_descent_of_flow
from flowrepro.papers.lee2022.implicit_checks import compute_implicit
from flowrepro.papers.lee2022.initial_norms import compute_initial_norms
from flowrepro.papers.lee2022.many_seeds import compute_many_seeds
from flowrepro.papers.lee2022.other_laws import compute_other_laws
from flowrepro.papers.lee2022.random_directions import compute_directions
from flowrepro.papers.lee2022.reduced_dynamics import compute_reduced
from flowrepro.papers.lee2022.small_start_law import compute_small_starts
from flowrepro.papers.lee2022.solved_flow_study import compute_solved_flow
from flowrepro.papers.lee2022.spherical_data import compute_sphere
from flowrepro.papers.lee2022.tighter_bounds import compute_tighter_bounds
from flowrepro.papers.lee2022.truncated_moments import compute_moments
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "initial-norms": compute_initial_norms,
    "deep": compute_deep,
    "moments": compute_moments,
    "reduced": compute_reduced,
    "implicit": compute_implicit,
    "descent-of-flow": compute_descent_of_flow,
    "directions": compute_directions,
    "sphere": compute_sphere,
    "curvature": compute_curvature,
    "solved-flow": compute_solved_flow,
    "small-starts": compute_small_starts,
    "dips": compute_dips,
    "many-seeds": compute_many_seeds,
    "tighter-bounds": compute_tighter_bounds,
    "other-laws": compute_other_laws,
    "flips": compute_flips,
}
