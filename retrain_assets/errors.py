"""Every error the project raises on purpose, one tree.

Each message names the thing, the number, where it stands, and the next step. What belongs elsewhere: a statistic that
cannot be known is no error but a `Finding` with the outcome INSUFFICIENT (see `verdict`).

    RetrainError
    ├── SpecError                 a model's YAML is wrong
    ├── MissingPackage            something that was asked for needs an extra that is not installed
    ├── DataError                 rows or outcomes cannot be used
    │   ├── SourceError           file missing, unreadable, a row that does not parse
    │   │   └── TwoReadings       what is written there can be read in two ways
    │   ├── ForeignModel          a model file from elsewhere that is damaged or does not fit
    │   └── NotEnoughData         a window holds too little to train or to score
    │       └── NotCovered        no strategy's training window holds what it is declared to hold
    ├── NoProbation               no version is on probation in a period
    ├── RegistryError
    │   ├── NotFound              no such version
    │   ├── IntegrityError        stored bytes do not match their digest, or the journal's chain is broken
    │   ├── StorageError          the place where the registry is kept is full, read-only or broken
    │   ├── Conflict              somebody else moved the live pointer first
    │   ├── NothingChanged        a rollback went to a model of the very same bytes
    │   ├── NothingToRelease      no decision of a person binds what is to be released
    │   └── NotApprovable         a verdict that no person may approve
    └── NotPromotable             a move of the live pointer that the rules do not allow
        ├── WrongCandidate        the verdict is about another candidate
        ├── WrongChampion         the verdict compared with another champion than the live one
        ├── IncompleteVerdict     a required check is missing
        ├── FailedVerdict         a check failed
        ├── InsufficientVerdict   a check could not be decided
        ├── StaleVerdict          the spec's rules, or the live decision's period, are newer than the verdict
        ├── GateRowsSpent         another decision used the gate rows before
        ├── TrainedOnGate         a compared version was trained on the gate rows
        ├── BudgetSpent           the year's attempts are used up
        ├── Quarantined           the candidate was rolled back
        ├── Held                  a person holds the model or the version, or put the live version in service
        ├── CoolingDown           too soon after a rollback
        ├── FailureNotSeen        the candidate's training data ends before the failure that was rolled back
        ├── NotAdoptable          a model from elsewhere where one is live, or decided later
        ├── Retired               a person took the whole model out of service
        └── Unservable            the candidate does not load, or scores otherwise than when it was trained
"""

from importlib.util import find_spec


class RetrainError(Exception):
    """Root of the tree."""


class SpecError(RetrainError):
    """A model's YAML is wrong; the message names file, line and key."""


class MissingPackage(RetrainError):
    """Something that was asked for needs a package of an extra that is not installed."""


def require_extra(module: str, extra: str, purpose: str) -> None:
    """Refuse to go on without a package that only one of the project's extras brings.

    Args:
        module: What will be imported.
        extra: The extra that brings it.
        purpose: What needs it, as the sentence begins.

    Raises:
        MissingPackage: It is not installed; the message holds the command that installs it.

    >>> require_extra("no_such_module", "ui", "`retrain dev`")
    Traceback (most recent call last):
    retrain_assets.errors.MissingPackage: `retrain dev` needs no_such_module: pip install 'retrain-assets[ui]'
    """
    if find_spec(module) is None:
        raise MissingPackage(f"{purpose} needs {module}: pip install 'retrain-assets[{extra}]'")


class DataError(RetrainError):
    """Rows or outcomes cannot be used."""


class SourceError(DataError):
    """A source file is missing, unreadable, or holds a row that does not parse."""


class TwoReadings(SourceError):
    """A value or a file can be read in two ways; the message names both, and the key that decides."""


class ForeignModel(DataError):
    """A model file from elsewhere that is damaged, or does not fit the spec or the data."""


class NotEnoughData(DataError):
    """A window holds too little to train or to score."""


class NotCovered(NotEnoughData):
    """No strategy's training window holds what it is declared to hold: levels, rare types, a full season."""


class NoProbation(RetrainError):
    """No version is on probation in a period; the message says why."""


class RegistryError(RetrainError):
    """The registry refuses or is damaged."""


class NotFound(RegistryError):
    """No such version or model."""


class IntegrityError(RegistryError):
    """Stored bytes do not match their digest, or the journal's chain is broken."""


class StorageError(RegistryError):
    """The place where the registry is kept is full, read-only or broken."""


class Conflict(RegistryError):
    """Somebody else moved the live pointer first."""


class NotApprovable(RegistryError):
    """A verdict that no person may approve: it passed, failed, lacks a check, or the spec does not allow it."""


class NothingChanged(RegistryError):
    """A rollback went to a model of the very same bytes."""


class NothingToRelease(RegistryError):
    """No decision of a person binds what is to be released."""


class NotPromotable(RetrainError):
    """A move of the live pointer that the rules do not allow."""


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


class TrainedOnGate(NotPromotable):
    """A version that is compared was trained on rows that are to judge it."""


class BudgetSpent(NotPromotable):
    """The year's attempts, on which the level of a test rests, are used up."""


class Quarantined(NotPromotable):
    """The candidate was rolled back."""


class Held(NotPromotable):
    """A person holds the model or the version, or put the live version in service."""


class CoolingDown(NotPromotable):
    """Too soon after a rollback."""


class FailureNotSeen(NotPromotable):
    """The candidate's training data ends before the failure that was rolled back."""


class NotAdoptable(NotPromotable):
    """A model from elsewhere where a version is live, or was decided later."""


class Retired(NotPromotable):
    """A person took the whole model out of service."""


class Unservable(NotPromotable):
    """The candidate does not load, or scores otherwise than when it was trained."""
