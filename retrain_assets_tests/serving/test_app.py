"""The routes of a model server: what they answer, whose answer it is, and whom they refuse."""

import asyncio
import dataclasses

import pytest

from benchmarks.worlds.verdicts import rolled_back
from retrain_assets.scoring.booster import load
from retrain_assets.scoring.booster import predict as booster_predict
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving.app import app_of
from retrain_assets_tests.serving.client import FIRST, INFER, Client, tensors
from retrain_assets_tests.serving.world import ROWS, booster, number_of, promoted, registry_in

NOTHING = b'{"inputs": [{"name": "x", "shape": [0], "datatype": "FP64", "data": []}]}'
ALL = {"c": ROWS["c"].to_pylist(), "x": ROWS["x"].to_pylist()}


def test_both_routes_give_the_registrys_own_scores_with_version_and_digest(client, server):
    live = server().follower.served.live
    scored = live.score(ROWS)
    named = client.post("/predict", json={"columns": ALL}).json()
    tensor = client.post(INFER, json=tensors(**ALL)).json()
    assert named["scores"] == tensor["outputs"][0]["data"] == scored.scores.tolist()
    assert (named["version"], named["digest"], named["unseen"]) == ("v1", live.version.digest, {"c": 1})
    assert (tensor["model_version"], tensor["parameters"]["digest"]) == ("v1", live.version.digest)
    assert tensor["id"] == "r1"


def test_many_rows_are_scored_like_one(client):
    many = client.post("/predict", json={"rows": [FIRST] * 500}).json()["scores"]
    assert many == client.post("/predict", json={"rows": [FIRST]}).json()["scores"] * 500


def test_the_next_request_after_a_look_is_answered_by_the_promoted_version(server, home):
    running = server()
    client = Client(app_of(running))
    for change, version in (
        (lambda: promoted(registry_in(home), 2), 2),
        (lambda: rolled_back(registry_in(home), 3), 1),
    ):
        change()
        running.follower.look()
        answer = client.post("/predict", json={"rows": [FIRST]}).json()
        assert (answer["version"], number_of(answer["scores"][0])) == (f"v{version}", version)


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/v2", 200, {"name": "retrain_assets", "extensions": []}),
        ("/v2/health/live", 200, {"live": True}),
        ("/v2/health/ready", 200, {"ready": True}),
        ("/v2/models/taxi_charge/ready", 200, {"name": "taxi_charge", "ready": True}),
        ("/v2/models/taxi_charge", 200, {"versions": ["v1"], "platform": "lightgbm"}),
        ("/health", 200, {"version": "v1", "fault": "", "shadow": None}),
        ("/v2/models/other", 404, {}),
    ],
)
def test_what_is_served_is_told(client, path, status, part):
    answer = client.get(path)
    assert answer.status_code == status
    assert part.items() <= answer.json().items()


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/predict", b"{", 400, "the request is no JSON"),
        ("/predict", b'{"rows": [{"x": 1}]}', 400, "feature 'c' is missing"),
        ("/predict", b'{"rows": [{"x": "far", "c": "11"}]}', 400, "numeric feature 'x' holds 'far'"),
        (INFER, b'{"inputs": []}', 400, "one input for each column"),
        ("/predict", b" " * 2000, 413, "longer than 1,000 bytes"),
        ("/predict", b'{"columns": {"x": [1, 1, 1], "c": ["N", "N", "N"]}}', 413, "3 rows in one request, at most 2"),
        (INFER.replace("/infer", "/versions/v9/infer"), NOTHING, 404, "v9 is not live, v1 is"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_a_sentence(server, path, body, status, sentence):
    answer = Client(app_of(server(body_bytes=1000, rows=2))).post(path, content=body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]


def test_a_body_that_does_not_tell_its_length_is_cut_at_the_limit(server):
    async def endless():
        while True:
            yield b" " * 100

    answer = Client(app_of(server(body_bytes=1000))).post("/predict", content=endless())
    assert answer.status_code == 413


BESIDE = [
    {"id": "good", "columns": {"x": [0.5], "c": ["11"], "id": [1]}},
    {"id": "two", "columns": {"x": [1.5, 2.5], "c": ["12", None], "id": [2, 3]}},
    {"id": "new category", "columns": {"x": [2.5], "c": ["new"], "id": [4]}},
    {"id": "wrong type", "columns": {"x": ["far"], "c": ["12"], "id": [5]}},
    {"id": "uneven", "columns": {"x": [0.5, 1.5], "c": ["11"], "id": [6]}},
    {"id": "uneven too", "columns": {"x": [0.5], "c": ["11", "12"], "id": [7]}},
    {"id": "no category", "columns": {"x": [0.5], "id": [8]}},
    {"id": "no key", "rows": [{"x": 0.5, "c": "Y"}]},
]


def test_requests_that_arrive_together_are_answered_as_if_each_were_alone(server):
    running = server()
    client = Client(app_of(running))
    alone = [client.post("/predict", json=body) for body in BESIDE]
    running.log.flush()
    logged = running.log.written
    together = client.post_at_once("/predict", BESIDE)
    running.log.flush()
    assert [(one.status_code, one.json()) for one in together] == [(one.status_code, one.json()) for one in alone]
    assert [one.status_code for one in alone] == [200, 200, 200, 400, 400, 400, 400, 200]
    assert running.log.written == 2 * logged == 10
    assert 'retrain_unseen_categories_total{feature="c",model="taxi_charge"} 2.0' in client.get("/metrics").text


def test_requests_that_arrive_together_are_scored_by_one_call(server, monkeypatch):
    client, calls = Client(app_of(server())), []

    def predicted(self, encoded):
        calls.append(len(encoded))
        return booster_predict(self.booster, encoded)

    monkeypatch.setattr(Scorer, "predicted", predicted)
    answers = client.post_at_once("/predict", BESIDE[:2] * 4)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert calls == [12]


def test_a_request_that_breaks_off_is_counted_and_not_scored(server):
    sent = []

    async def broken_off():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    app = app_of(server())
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
    asyncio.run(app(scope, broken_off, send))
    assert sent[0]["status"] == 400
    assert b"closed before the request was complete" in sent[1]["body"]
    assert 'route="predict",status="400"' in Client(app).get("/metrics").text


@pytest.mark.parametrize("path", ["/predict", INFER])
def test_a_route_that_scores_takes_only_posts(client, path):
    assert client.get(path).status_code == 405


def test_with_a_token_only_health_is_told_without_it(server):
    client = Client(app_of(server(token="s3cret")))
    for path in ("/v2", "/v2/models/taxi_charge", "/health", "/metrics"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer s3cret"}).status_code == 200
    assert client.post("/predict", json={"rows": [FIRST]}).status_code == 401
    headers = {"Authorization": "Bearer s3cret"}
    assert client.post("/predict", json={"rows": [FIRST]}, headers=headers).status_code == 200
    assert client.get("/v2/health/ready").status_code == 200


def test_a_model_without_a_live_version_is_not_ready(server):
    running = server()
    running.follower.served = None
    client = Client(app_of(running))
    assert client.get("/v2/health/ready").status_code == 503
    assert client.post("/predict", json={"rows": [FIRST]}).status_code == 503


def test_a_log_that_cannot_write_fails_no_request(server, monkeypatch):
    running = server()
    monkeypatch.setattr(running.log, "_write_part", lambda *_: 1 / 0)
    answer = Client(app_of(running)).post("/predict", json={"rows": [FIRST]})
    running.log.flush()
    assert (answer.status_code, running.log.written, running.log.lost) == (200, 0, 1)


def test_without_a_log_requests_are_answered_too(server):
    client = Client(app_of(dataclasses.replace(server(), log=None)))
    assert client.post("/predict", json={"rows": [FIRST]}).status_code == 200


@pytest.mark.parametrize("logs", [True, False])
def test_what_was_answered_is_written_when_the_server_ends(server, logs):
    running = server() if logs else dataclasses.replace(server(), log=None)
    assert Client(app_of(running)).post_while_running("/predict", json={"rows": [FIRST]}).status_code == 200
    if logs:
        assert (running.log.written, running.log.lost) == (1, 0)


def test_a_score_that_is_no_finite_number_is_no_answer_and_says_nothing_of_the_code(server):
    running = server()
    served = running.follower.served
    counts = booster(8).model_to_string().encode().replace(b"=regression", b"=poisson")  # e to more than 800
    scorer = dataclasses.replace(served.live.scorer, booster=load(counts))
    running.follower.served = dataclasses.replace(served, live=dataclasses.replace(served.live, scorer=scorer))
    answer = Client(app_of(running)).post("/predict", json={"rows": [FIRST]})
    assert (answer.status_code, answer.json()) == (500, {"error": "ValueError: the rows could not be scored"})


def test_of_requests_that_arrive_together_only_the_one_with_a_new_category_is_told_of_it(server):
    good, new = BESIDE[0], BESIDE[2]
    told = [one.json()["unseen"] for one in Client(app_of(server())).post_at_once("/predict", [good, new, good])]
    assert told == [{}, {"c": 1}, {}]
