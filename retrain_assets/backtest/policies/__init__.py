"""Retraining policies: each says at an origin whether to retrain, from what was known there."""
