"""What a long journal costs: status, promote and append at 100, 1,000 and 10,000 real events.

    python -m benchmarks.history

Every event is one that the registry itself writes, hash-chained and in a file of its own: attempts with gate rows and
verdicts, a promotion now and then. `status` is read by a fresh process, and its start-up (everything but reading the
model) is taken off. `append` is a rejected attempt recorded, `promote` a verdict promoted, both by a process that has
read the journal before, as a replay or a daemon has; beside them stands the first one of a fresh process. Ratios are of
medians within one run. Exit code 1 when status takes 0.3 s or more at 10,000 events, or when append or promote there
take more than 1.5 times what they take at 100.
"""
