"""Judging a candidate against the live model on fresh rows. Pure: arrays in, findings out."""
