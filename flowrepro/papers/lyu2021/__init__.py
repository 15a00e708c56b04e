"""Lyu, Li, Wang, Arora 2021: margin maximisation and simplicity bias of two-layer leaky ReLU networks (subcommand ``margin``)."""
