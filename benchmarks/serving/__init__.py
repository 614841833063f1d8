"""What it costs to use the live model: batches against bare LightGBM calls, one row through the server, swaps."""
