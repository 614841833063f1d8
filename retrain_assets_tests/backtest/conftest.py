import shutil

import pytest

from retrain_assets.backtest.matrix.evaluation_matrix import MatrixBuild
from retrain_assets.store import PeriodStore
from retrain_assets_tests.backtest.worlds import matrix_recipe, parcels


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Nine weeks of parcels with their matrix built: spec, rows, results, and the matrix."""
    folder = tmp_path_factory.mktemp("backtest")
    spec, rows = parcels(folder)
    results = PeriodStore(folder / "results")
    return spec, rows, results, MatrixBuild(matrix_recipe(spec), rows, results, workers=1).build()


@pytest.fixture
def own_build(built, tmp_path):
    """A copy of it that a test may change: spec, rows, results."""
    spec, rows, results, _ = built
    for name, store in (("stored", rows), ("results", results)):
        shutil.copytree(store.root, tmp_path / name)
    return spec, PeriodStore(tmp_path / "stored"), PeriodStore(tmp_path / "results")
