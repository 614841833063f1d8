"""Every error the project raises on purpose, one tree.

Each message names the thing, the number, where it stands, and the next step. What belongs elsewhere: a statistic that
cannot be known is no error but a `Finding` with the outcome INSUFFICIENT (see `verdict`).

    RetrainError
    ├── SpecError                 a model's YAML is wrong
    ├── DataError                 rows or outcomes cannot be used
    │   ├── SourceError           file missing, unreadable, a row that does not parse
    │   └── NotEnoughData         a window holds too little to train or to score
    ├── RegistryError
    │   ├── NotFound              no such version
    │   ├── IntegrityError        stored bytes do not match their digest, or the journal's chain is broken
    │   ├── Conflict              somebody else moved the live pointer first
    │   ├── RollbackHeld          a person holds the version that an automatic rollback would leave
    │   └── NothingChanged        a rollback went to a model of the very same bytes
    └── NotPromotable             a verdict that does not allow the move
        ├── WrongCandidate        the verdict is about another candidate
        ├── WrongChampion         the verdict compared with another champion than the live one
        ├── IncompleteVerdict     a required check is missing
        ├── FailedVerdict         a check failed
        ├── InsufficientVerdict   a check could not be decided
        ├── StaleVerdict          the spec's rules, or the live decision's period, are newer than the verdict
        ├── GateRowsSpent         another decision used the gate rows before
        ├── BudgetSpent           the year's attempts are used up
        ├── Quarantined           the candidate was rolled back
        └── WithoutFailure        after a rollback, a candidate trained on nothing of the period that failed
"""


class RetrainError(Exception):
    """Root of the tree."""


class SpecError(RetrainError):
    """A model's YAML is wrong; the message names file, line and key."""


class DataError(RetrainError):
    """Rows or outcomes cannot be used."""


class SourceError(DataError):
    """A source file is missing, unreadable, or holds a row that does not parse."""


class NotEnoughData(DataError):
    """A window holds too little to train or to score."""


class RegistryError(RetrainError):
    """The registry refuses or is damaged."""


class NotFound(RegistryError):
    """No such version or model."""


class IntegrityError(RegistryError):
    """Stored bytes do not match their digest, or the journal's chain is broken."""


class Conflict(RegistryError):
    """Somebody else moved the live pointer first."""


class RollbackHeld(RegistryError):
    """A person holds the version that an automatic rollback would leave."""


class NothingChanged(RegistryError):
    """A rollback went to a model of the very same bytes."""


class NotPromotable(RetrainError):
    """A verdict that does not allow the move."""


class WrongCandidate(NotPromotable):
    """The verdict is about another candidate."""


class WrongChampion(NotPromotable):
    """The verdict compared with another champion than the live one."""


class IncompleteVerdict(NotPromotable):
    """A required check is missing from the verdict."""


class FailedVerdict(NotPromotable):
    """A check failed."""


class InsufficientVerdict(NotPromotable):
    """A check could not be decided."""


class StaleVerdict(NotPromotable):
    """The spec's rules, or the live decision's period, are newer than the verdict."""


class GateRowsSpent(NotPromotable):
    """Another decision used the gate rows before."""


class BudgetSpent(NotPromotable):
    """The year's attempts, on which the level of a test rests, are used up."""


class Quarantined(NotPromotable):
    """The candidate was rolled back."""


class WithoutFailure(NotPromotable):
    """After a rollback, a candidate was trained on nothing of the period that failed."""
