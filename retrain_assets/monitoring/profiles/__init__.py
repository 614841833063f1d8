"""Column profiles: fixed-edge histograms of a period, read in one pass."""
