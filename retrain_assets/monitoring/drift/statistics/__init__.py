"""Distances, the prediction t-test and variances moderated across columns."""
