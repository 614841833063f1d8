"""Statistics that several stages share: dependent days, codes, multiple testing."""
