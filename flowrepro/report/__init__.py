"""Pages on stored runs, and the gallery."""
