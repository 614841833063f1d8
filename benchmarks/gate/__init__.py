"""How often the gate is wrong, what its rules cost in power, and how fast and small it is.

    python -m benchmarks.gate [--fast]

`cases` holds every simulated row of the acceptance table about a gate, `worlds` the made-up rows they are drawn from,
`peers` the comparison with fairlearn's bootstrap, `speed` time and memory on a
million rows. The rows about a rollback are those of `benchmarks.rollback`.
"""
