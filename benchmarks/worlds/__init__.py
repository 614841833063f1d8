"""Made-up worlds, verdicts and faults that benchmarks and tests share. Tests import benchmarks, never the other way."""
