"""What goes beyond boursier2022: many seeds, powers of the scale, narrow networks, sign jumps."""
