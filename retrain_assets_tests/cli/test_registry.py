"""`retrain verify` and `retrain prune`: whether a registry is sound, and what it keeps."""

import json
import shutil
import subprocess

import pytest
import yaml

from retrain_assets_tests.commanded import registry, retrain


def test_verify_is_quiet_about_a_whole_registry(at_home):
    assert (
        retrain("verify", "delivery").output
        == "delivery: every digest and the journal's chain hold; nothing is signed\n"
    )
    assert json.loads(retrain("verify", "--json").stdout) == dict.fromkeys(
        ("delivery", "employment", "flight_delays", "taxi_charge"), []
    )


def test_verify_reaches_the_verdicts_of_a_replay_again(at_home):
    attempts = sum(event.gate is not None for event in registry(at_home).history())
    said = retrain("verify", "delivery", "--rejudge").output.splitlines()
    assert said == [
        f"delivery: {attempts} of {attempts} verdicts come out as they are recorded",
        "delivery: every digest and the journal's chain hold; nothing is signed",
    ]


def test_verify_names_the_rules_that_were_changed_since_a_verdict(at_home, tmp_path, monkeypatch):
    models = shutil.copytree(at_home.parent / "models", tmp_path / "models")
    record = yaml.safe_load((models / "delivery.yaml").read_text())
    record["triggers"]["retrain_cost"] = 2000
    (models / "delivery.yaml").write_text(yaml.safe_dump(record))
    monkeypatch.setenv("RETRAIN_MODELS", str(models))
    said = " ".join(retrain("verify", "delivery", "--rejudge").output.split())
    assert "was judged by other rules than those of today: " in said
    assert "triggers.retrain_cost was 1000, is 2000" in said


def test_a_history_is_signed_and_checked_with_keys_that_openssl_made(own_home, tmp_path, monkeypatch):
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    assert "RETRAIN_SIGNING_KEY names no key" in retrain("sign", "delivery", code=2).stderr
    monkeypatch.setenv("RETRAIN_SIGNING_KEY", str(key))
    assert "is not signed" in retrain("verify", "delivery", code=1).output

    signed = int(retrain("sign", "delivery").output.split()[2])

    monkeypatch.delenv("RETRAIN_SIGNING_KEY")
    assert f"{signed} signatures were not checked" in retrain("verify", "delivery").output
    monkeypatch.setenv("RETRAIN_TRUSTED_KEYS", str(public))
    assert f"and {signed} signatures hold" in retrain("verify", "delivery").output
    retrain("hold", "delivery", "--reason", "written without the key")
    assert "is not signed" in retrain("verify", "delivery", code=1).output


def test_verify_names_a_crafted_model_whose_digests_fit(own_home):
    kept = registry(own_home)
    files = kept.read(kept.live().digest)
    digest = kept.add({**files, "model.bst": files["model.bst"].replace(b"\nis_linear=0", b"\nis_linear=1", 1)})
    output = retrain("verify", "delivery", code=1).output
    assert f"versions/{digest[:12]}: model.bst was crafted or is of another program: tree 0 has linear leaves" in output


@pytest.mark.parametrize("pattern", ["versions/*/model.bst", "verdicts/*.json", "journal/*1.json"])
def test_verify_notices_a_flipped_byte(own_home, pattern):
    path = sorted(registry(own_home).folder.glob(pattern))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    output = retrain("verify", "delivery", code=1).output
    assert path.stem in output or path.parent.name in output
    assert any(json.loads(retrain("verify", "delivery", "--json", code=1).stdout)["delivery"])
