"""The stored record of `served_skew`: how what servers answered differs from what it should have been."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from retrain_assets.documents.units import counted, plural
from retrain_assets.store import Json, PeriodStore, fields_of

NAME = "served_skew"
SCHEMA = 1


@dataclass(frozen=True)
class Difference:
    """A feature, or the score, that is another in some rows; one row as an example.

    Attributes:
        column: The feature; `score` for scores.
        rows: In how many rows.
        key: Of the first of them.
        served: What the server read, or answered.
        expected: What the source had of the row later, or what the version gives the logged features.
    """

    column: str
    rows: int
    key: str
    served: str
    expected: str


@dataclass(frozen=True)
class ServedSkew:
    """What the log of a period showed.

    Attributes:
        period: The period.
        rows: Rows that servers answered in it.
        sampled: Rows whose scores were to be computed again.
        recomputed: Those for which that was possible: their version is there and reads what was logged.
        compared: Rows that the source had too.
        unread: Files of the log that cannot be read.
        scores: Scores that are not those of the version that they name; None where all are.
        features: Features that differ from those of the source, the most frequent first.
    """

    period: str
    rows: int
    sampled: int
    recomputed: int
    compared: int
    unread: tuple[str, ...] = ()
    scores: Difference | None = None
    features: tuple[Difference, ...] = ()

    def facts(self, row: str = "row") -> list[str]:
        """What somebody should hear of, a sentence for each, with a row called what the model's spec calls it.

        >>> miles = Difference("miles", 3, "a1", "1.5", "2.5")
        >>> skew = ServedSkew("2024-01", 9, 9, 9, 9, features=(miles,))
        >>> print(*skew.facts("trip"))
        3 of 9 served trips had another miles than the source has now: trip a1 was scored with 1.5, the source has 2.5.
        """
        said = [f"{file} of the served log cannot be read: restore it, or move it away." for file in self.unread]
        if self.scores is not None:
            one = self.scores
            said.append(
                f"{one.rows:,} of {self.recomputed:,} served scores are not those of the version that they name: {row} "
                f"{one.key} got {one.served}, the version gives {one.expected}."
            )
        for one in self.features:
            served = f"{one.rows:,} of {self.compared:,} served {plural(row)}"
            said.append(
                f"{served} had another {one.column} than the source has now: {row} {one.key} was scored with "
                f"{one.served}, the source has {one.expected}."
            )
        return said

    def sentence(self, row: str = "row") -> str:
        """What was compared, and what came out."""
        told = f"{self.recomputed:,} of {self.sampled:,} sampled scores were computed again"
        compared = f"{counted(self.compared, row)} compared with the source's"
        checked = f"{counted(self.rows, row)} {'was' if self.rows == 1 else 'were'} served. {told}, and {compared}."
        known = self.recomputed or self.compared
        return f"{checked} {' '.join(self.facts(row)) or ('No difference.' if known else 'Nothing could be compared.')}"

    def to_dict(self) -> Json:
        """The record as it is stored."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, record: Json) -> ServedSkew:
        """Read a stored record.

        Raises:
            DataError: A newer release wrote it.
        """
        known = fields_of(record, SCHEMA, NAME)
        scores, features = known.pop("scores"), known.pop("features")
        return cls(
            **{**known, "unread": tuple(known["unread"])},
            scores=Difference(**scores) if scores else None,
            features=tuple(Difference(**one) for one in features),
        )


def read_skew(store: PeriodStore, period: str) -> ServedSkew | None:
    """The record of a period; None where nothing was served in it."""
    record = store.read_json(NAME, period)
    return ServedSkew.from_dict(record) if record is not None else None
