"""What more than one topic of min2024 needs: points, cones, flows, paths and their constants."""
