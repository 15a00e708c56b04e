"""What goes beyond the statements of min2024."""
