"""The wing of lee2022: one ReLU neuron that learns another, its norm and its angle between their bounds."""
