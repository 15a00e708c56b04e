"""The wing of min2024: its rows, its statements as checks, its figures."""
