"""Mathematics that more than one paper needs, and the result of a check."""
