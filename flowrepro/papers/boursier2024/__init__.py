"""The wing of boursier2024: early alignment, and training that ends at least squares on three points.

Runs        along.py is what is followed along one, hypotheses.py what statements ask of one; alignment_phase, growth_phase and
            convergence_phase hold the theorems, three_point_observations and eight_piece_observations what the figures show
Studies     study_rows.py declares them; analysis.py, box_study.py, limit_point.py and the others compute and judge one each
Pictures    panels.py draws Figures 2 and 3 and their animations
"""
