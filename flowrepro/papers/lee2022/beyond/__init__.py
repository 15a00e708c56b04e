"""What lee2022's bounds leave open, measured or solved. Sizes are ours, chosen for seconds."""
