import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.raw.served import served_folder
from retrain_assets.serving.app import Limits, Server, app_of
from retrain_assets.serving.follower import Follower
from retrain_assets.serving.served_log import ServedLog
from retrain_assets.store import PeriodStore
from retrain_assets_tests.serving.client import Client
from retrain_assets_tests.serving.world import live_model, promoted, registry_in


@pytest.fixture
def live():
    return live_model()


class Names:
    key, time = "id", "at"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home in which version v1 is live."""
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    promoted(registry_in(tmp_path), 1)
    return tmp_path


@pytest.fixture
def server(home):
    """Builds a server over the home, which looks at the journal and writes its log when it is told to."""

    def build(**limits):
        follower = Follower(registry_in(home), PeriodStore(home / "data" / MODEL))
        follower.look()
        return Server(MODEL, follower, Names, ServedLog(served_folder(MODEL), Names), Limits(**limits))

    return build


@pytest.fixture
def client(server):
    return Client(app_of(server()))
