"""LightGBM itself: fitting a model, merging two into their average, and a model that is a constant."""
