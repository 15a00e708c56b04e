"""The wing of boursier2022: its rows, its statements as checks, its figures."""
