"""Nothing of a secret URL is left in a text, in whatever form a driver or receiver repeats it."""

import logging
from urllib.parse import quote

import pytest

from retrain_assets.documents.redaction import BLOT, silent, without_secrets

PASSWORD = "p/w+d #1%"
URL = f"postgresql://ann@corp:{quote(PASSWORD, safe='')}@db.example:5432/prod?sslkey=k3y-of-ann&timeout=10"


@pytest.mark.parametrize(
    "form", [PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote(PASSWORD, safe=" +"), "k3y-of-ann", URL]
)
def test_a_secret_is_blotted_out_in_every_form(form):
    said = without_secrets(f"could not log in with {form} today", [URL], paths=False)
    assert form not in said
    assert BLOT in said
    assert said.endswith(" today")


def test_the_word_around_a_secret_goes_with_it():
    assert without_secrets("token=k3y-of-ann;x failed", [URL], paths=False) == f"{BLOT} failed"


@pytest.mark.parametrize(("paths", "said"), [(True, f"hook {BLOT} failed"), (False, "hook T0123456 failed")])
def test_a_path_is_secret_where_it_is_one(paths, said):
    assert without_secrets("hook T0123456 failed", ["https://hooks.example/T0123456"], paths) == said


def test_short_and_common_parts_stay_readable():
    assert without_secrets("port 5432, closed after 10 s", [URL], paths=False) == "port 5432, closed after 10 s"


def test_of_what_is_no_url_everything_is_secret():
    assert without_secrets("got http://[half-open", ["http://[half-open"]) == f"got {BLOT}"


def test_a_silenced_library_logs_again_afterwards_also_after_a_failure(caplog):
    logger = logging.getLogger("receiver")

    @silent(logger)
    def post():
        logger.error("posting to %s", URL)
        raise ValueError("down")

    with pytest.raises(ValueError, match="down"):
        post()
    logger.error("after")
    assert [record.message for record in caplog.records] == ["after"]
