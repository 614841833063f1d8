"""Pages that a move made false are written anew, and a move stands although they could not be."""

from __future__ import annotations

from retrain_assets.pipeline import renew_pages
from retrain_assets_tests.production.bad_deploy import back


def test_after_a_rollback_the_probation_page_and_both_cards_say_what_is_true(own):
    week = own.weeks(7)[-1]
    back(own)
    renew_pages(own.spec, own.store, own.registry)
    performance = own.store.read_bytes("performance_report", week, "html").decode()
    assert "<p>But v2 did worse than v1 would have: " in performance
    assert '<div class="answer well">' not in performance
    assert "and was taken back on" in own.store.read_bytes("probation_report", week, "html").decode()
    assert "and is live." in own.store.read_bytes("model_card", "v1", "html").decode()


def test_what_cannot_be_written_is_logged_and_the_move_stands(own, monkeypatch, caplog):
    def full(*_):
        raise OSError("disk is full")

    monkeypatch.setattr(type(own.store), "write_bytes", full)
    renew_pages(own.spec, own.store, own.registry)
    assert "pages could not be written anew: OSError: disk is full" in caplog.text
