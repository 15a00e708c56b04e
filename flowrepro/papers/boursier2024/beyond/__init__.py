"""What goes beyond the paper: laws, widths, scales, losses and points that it does not try."""
