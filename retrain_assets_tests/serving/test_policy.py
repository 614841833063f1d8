"""Rows that wait for a score arrive as files."""

import pytest
from pydantic import ValidationError

from retrain_assets.raw.policy import Table
from retrain_assets.serving.policy import BatchesPolicy


def test_a_path_alone_is_enough():
    assert BatchesPolicy.model_validate("to_score/*.csv") == BatchesPolicy(path="to_score/*.csv")


def test_it_is_resolved_like_a_source_and_keeps_its_reasons(tmp_path):
    resolved = BatchesPolicy(path="to_score", reasons=2).resolved(tmp_path)
    assert (resolved.path, resolved.reasons) == (str(tmp_path / "to_score"), 2)


@pytest.mark.parametrize("other", [{"sql": "select 1", "url_env": "WAREHOUSE"}, {"served": "rides"}])
def test_of_a_query_and_a_log_nobody_can_tell_what_is_new(other):
    with pytest.raises(ValidationError, match="of a query nobody can tell what is new"):
        BatchesPolicy(**other)


def test_files_are_written_like_those_of_the_source_unless_they_say_otherwise():
    source = Table(path="rows.csv", decimal=",", separator=";", null_values=["k.A."], rename={"old": "new"})
    batches = BatchesPolicy(path="in/*.csv", separator="|", reasons=1).written_like(source)
    assert (batches.path, batches.separator, batches.reasons) == ("in/*.csv", "|", 1)
    assert (batches.decimal, batches.null_values, batches.rename) == (",", ("k.A.",), {"old": "new"})
