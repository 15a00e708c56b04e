"""How a statement of a paper becomes a verdict."""
