"""What Prometheus reads, in its own format."""

from prometheus_client.parser import text_string_to_metric_families

from retrain_assets_tests.serving.client import FIRST


def samples(text):
    families = text_string_to_metric_families(text)
    return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}


def test_requests_rows_unseen_categories_version_and_age_are_counted(client, server):
    for row in (FIRST, {**FIRST, "c": "new"}):
        client.post("/predict", json={"rows": [row, row]})
    client.post("/predict", json={"rows": [{}]})
    found = samples(client.get("/metrics").text)
    digest = server().follower.served.live.version.digest
    assert found["retrain_requests_total", "200", "predict", "taxi_charge"] == 2
    assert found["retrain_requests_total", "400", "predict", "taxi_charge"] == 1
    assert found["retrain_request_seconds_count", "predict", "taxi_charge"] == 3
    assert found["retrain_rows_total", "taxi_charge", "v1"] == 4
    assert found["retrain_unseen_categories_total", "c", "taxi_charge"] == 2
    assert found[("retrain_version", *sorted((digest, "taxi_charge", "v1")))] == 1
    assert found["retrain_model_age_seconds", "taxi_charge"] > 0
    assert found["retrain_version_fault", "taxi_charge"] == 0
