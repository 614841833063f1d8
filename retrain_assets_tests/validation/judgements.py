"""What the judge says of a made-up world, and the decision that follows from it."""

import numpy as np

from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.verdict import Decision, Finding, GateWindow, Verdict
from retrain_assets_tests.validation.worlds import classifier, gate_rows, policy, suite


def world(skill=(1.0, 2.0), n=4000, seed=1):
    label, champion, candidate = classifier(np.random.default_rng(seed), n, skill)
    return gate_rows(label), champion, candidate, np.full(n, label.mean())


def judged(rows, champion, candidate, baseline, cases=None, rules=None, attempts=12, task="binary"):
    cases = cases or (suite() if champion is not None else suite(champion=None))
    return judge(rules or policy(), task, rows, GateScores(candidate, baseline, champion), cases, Conditions(attempts))


def verdict(judgement) -> Verdict:
    gate = GateWindow(("2024-01",), "2024-01-01", "2024-02-01", 10, "0" * 64)
    return Verdict("m", "2024-01", judgement.findings, gate, "a", "b", "p", "1", identical=judgement.identical)


def decision(judgement) -> Decision:
    return verdict(judgement).decision


def one(judgement, check: str) -> Finding:
    return next(finding for finding in judgement.findings if finding.check == check)
