"""What a spec declares of rows that wait for a score: where their files arrive."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from retrain_assets.raw.policy import WRITTEN, Table

SCORED_BATCH = "scored_batch"
"""The asset that holds their scores."""


class BatchesPolicy(Table):
    """Files of rows that have no outcome yet; each is scored once, on arrival, by the version that is live then.

    How a CSV is written is as `source.path` declares it, unless it is declared here. With `reasons` the features that
    moved each score most are named beside it. `depends_on` are assets of the team's own Dagster project that write
    these files.

    >>> BatchesPolicy(path="to_score/*.csv", reasons=3).reasons
    3
    """

    reasons: int = Field(default=0, ge=0, le=100)
    depends_on: tuple[str, ...] = ()

    def written_like(self, table: Table) -> Self:
        """The same files, written like those of another table wherever nothing else is declared.

        >>> BatchesPolicy(path="in/*.csv").written_like(Table(path="a.csv", null_values=["?"])).null_values
        ('?',)
        """
        return self.model_copy(update={key: getattr(table, key) for key in WRITTEN - self.model_fields_set})

    @model_validator(mode="after")
    def _files(self) -> Self:
        if self.path is None:
            raise ValueError(
                "batches: declare path, a folder or glob where files arrive; of a query nobody can tell what is new "
                "(`retrain score` reads one)"
            )
        return self
