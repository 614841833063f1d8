"""Measure the loss of arrived outcomes against the champion's baseline."""
