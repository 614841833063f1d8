"""An exported folder is loaded with the name and the digest of its version."""

from retrain_assets.serving.export import export
from retrain_assets.serving.exported.folder import load
from retrain_assets.serving.live import loaded
from retrain_assets_tests.serving.world import ROWS, promoted, registry_in


def test_the_loaded_version_scores_like_the_registrys_own(tmp_path):
    registry = registry_in(tmp_path)
    promoted(registry, 1)
    export(registry, registry.live(), tmp_path / "out")
    scored, own = load(tmp_path / "out").score(ROWS), loaded(registry, registry.live()).score(ROWS)
    assert scored.scores.tolist() == own.scores.tolist()
    assert (scored.version, scored.digest) == (own.version, own.digest)
