"""The frozen case, the network and its conventions, initial weights, what an engine returns."""
