"""The commands that use the live model: `retrain score`, `serve`, `export`."""
