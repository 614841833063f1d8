"""A version's own way to score rows: its feature contract, its booster, its trivial baseline."""
