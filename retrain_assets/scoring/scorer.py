"""A version's files as something that scores rows; it needs numpy and LightGBM, and Arrow where tables come in.

model.bst         LightGBM's text format, what model servers read
features.json     feature contract: names, order, kinds, category levels
training.json     what trained it: windows, parameters, rows, the trivial baseline
rolling_origins.json  losses by day of the models it was chosen by
edges.parquet     the bins that monitoring counts rows in
profiles.parquet  its last training periods counted in them
probe.json        a few encoded rows with the scores they must get
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.feature_matrix import feature_matrix
from retrain_assets.scoring.model_text import MODEL_FILE

if TYPE_CHECKING:
    import pyarrow as pa

    from retrain_assets.scoring.booster import lgb


@dataclass(frozen=True)
class Scored:
    """The scores of some rows, who gave them, and how many rows had a category that the version never saw."""

    scores: NDArray[np.float64]
    unseen: Mapping[str, int]
    version: str
    digest: str


@dataclass(frozen=True)
class Scorer:
    """One loaded version.

    Attributes:
        booster: The model.
        contract: What it reads.
        version: Its name, such as `v3`.
        digest: The digest of its files.
    """

    booster: lgb.Booster
    contract: FeatureContract
    version: str = ""
    digest: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are taken of rows: the features, and what some of them are made of."""
        return self.contract.columns

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], version: str = "", digest: str = "") -> Self:
        """Load a version from its files, as the registry hands them out verified; its name and digest go along."""
        from retrain_assets.scoring.booster import load

        contract = FeatureContract.from_files(files)
        return cls(load(files[MODEL_FILE]), contract, version, digest)

    def score(self, rows: pa.Table | Mapping[str, Sequence[object]]) -> Scored:
        """Score rows by the names of their columns, in any order: categories as text, missing values as null.

        Args:
            rows: Columns of values by name, an Arrow table, or a data frame that Arrow reads, with at least the
                model's features.

        Raises:
            DataError: A feature is missing or of the wrong kind; it is named.
        """
        encoded, unseen = self.encoded(rows)
        return Scored(self.predicted(encoded), unseen, self.version, self.digest)

    def scores(self, rows: pa.Table | Mapping[str, Sequence[object]]) -> NDArray[np.float64]:
        """Scores of the rows: shape (n,), or (n, k) for k classes; whether they are finite is for the caller to judge.

        Raises:
            DataError: A feature is missing or of the wrong kind.
        """
        return self.score(rows).scores

    def encoded(
        self, rows: pa.Table | Mapping[str, Sequence[object]]
    ) -> tuple[pa.Table | NDArray[np.float64], dict[str, int]]:
        """The features as numbers in the model's order, and the rows with unseen levels by category that has some.

        Raises:
            DataError: A feature is missing or of the wrong kind; it is named.
        """
        rows = self.with_made_features(rows)
        if isinstance(rows, Mapping):
            return feature_matrix(rows, self.contract)
        import pyarrow as pa

        from retrain_assets.scoring.features import encode

        encoded = encode(rows if isinstance(rows, pa.Table) else pa.table(rows), self.contract)
        return encoded.table, {name: count for name, count in encoded.unseen.items() if count}

    def with_made_features(
        self, rows: pa.Table | Mapping[str, Sequence[object]]
    ) -> pa.Table | Mapping[str, Sequence[object]]:
        """The rows with the features that the team's own function makes; rows that have them all stay as they are.

        Raises:
            DataError: The function is not here, raised, or did what it may not.
        """
        if self.contract.made is None or all(name in _names(rows) for name in self.contract.names):
            return rows
        try:
            from retrain_assets.scoring.made_features import with_made_features
        except ImportError as error:
            raise DataError(
                f"{self.version or 'this version'} reads columns that {self.contract.made_by} makes, which cannot be "
                f"applied here ({error}): give rows that have {', '.join(self.contract.names)}"
            ) from None
        return with_made_features(rows, self.contract)

    def predicted(self, encoded: pa.Table | NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of encoded rows."""
        from retrain_assets.scoring.booster import predict

        return predict(self.booster, encoded)


def _names(rows: pa.Table | Mapping[str, Sequence[object]]) -> Sequence[str]:
    """The names of the columns of a table, a mapping or a data frame."""
    if isinstance(rows, Mapping):
        return tuple(rows)
    return tuple(rows.column_names if hasattr(rows, "column_names") else rows.columns)


def score_columns(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Scores as table columns: `score`, or `score_0`, `score_1`, … for several classes."""
    if scores.ndim == 1:
        return {"score": scores}
    return {f"score_{number}": scores[:, number] for number in range(scores.shape[1])}


def scores_of(table: pa.Table) -> np.ndarray:
    """The inverse of `score_columns`."""
    if "score" in table.column_names:
        return np.asarray(table["score"].to_numpy())
    names = [name for name in table.column_names if name.startswith("score_")]
    return np.column_stack([table[name].to_numpy() for name in sorted(names, key=lambda name: int(name[6:]))])
