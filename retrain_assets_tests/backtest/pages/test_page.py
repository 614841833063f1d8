import re

from retrain_assets.backtest.pages.page import backtest_html, backtest_report
from retrain_assets.documents.units import LossUnits
from retrain_assets_tests.backtest.by_hand import backtest_record

RIDES = LossUnits("ride", "USD")


def test_the_answer_comes_first_and_every_policy_has_a_line():
    document = backtest_report(backtest_record(), RIDES).markdown
    assert document.startswith("# When to retrain taxi\n\n> **Retrain.")
    for name in ("your triggers", "never", "a clock of 8 weeks", "hindsight"):
        assert document.count(f"| {name} |") == 2 + (name == "your triggers")
    assert "| your triggers | superior, 14 days, refit (the spec) | 3 | 2 |" in document
    assert "2018-02-05: no row has an outcome" in document


def test_its_terms_and_its_losses_speak_of_the_spec_s_rows_and_unit():
    document = backtest_report(backtest_record(), RIDES).markdown.replace("\\", "")
    assert "fresh rides" in document
    assert "fresh rows" not in document
    assert re.search(r"\| \$\d+\.\d+ \| \$\d+\.\d+ to \$\d+\.\d+ \|", document)


def test_the_page_holds_its_three_pictures_and_loads_nothing():
    page = backtest_html(backtest_record(), RIDES).decode()
    assert page.count("<svg ") == 3
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", page)
