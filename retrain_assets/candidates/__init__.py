"""Training: the feature contract, LightGBM, the two strategies, and the choice between them."""
