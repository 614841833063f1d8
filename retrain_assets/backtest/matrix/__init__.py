"""The evaluation matrix: a model of every origin, and what it loses on every later day."""
