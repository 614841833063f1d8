"""The manifest that an outside tool checks: read here with openssl and sha256sum, which know nothing of us."""

import base64
import json
import shutil
import subprocess

import pytest

from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.signatures import SIGNING_KEY, TRUSTED_KEYS
from retrain_assets.registry.storage.signed_manifest import ENVELOPE, STATEMENT, signed_bytes, signed_manifest

FILES = {"model.bst": b"tree", "code/live_scorer/folder.py": b"print()", "MLmodel": b"flavors: {}"}
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def test_every_file_is_listed_with_the_digest_that_sha256sum_finds(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    record = json.loads(signed_manifest("taxi", FILES)[STATEMENT])
    listed = "".join(f"{one['digest']}  {one['name']}\n" for one in record["predicate"]["resources"])
    checked = subprocess.run(["sha256sum", "--check"], input=listed, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == len(FILES)


@needs_openssl
def test_openssl_verifies_the_envelope_and_refuses_another_payload(tmp_path, monkeypatch):
    key, public, said, signature = (tmp_path / name for name in ("key.pem", "public.pem", "said", "signature"))
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    monkeypatch.setenv(SIGNING_KEY, str(key))
    envelope = json.loads(signed_manifest("taxi", FILES)[ENVELOPE])
    payload = base64.b64decode(envelope["payload"])
    signature.write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        public,
        "-rawin",
        "-in",
        said,
        "-sigfile",
        signature,
    ]
    for data, code in ((payload, 0), (payload.replace(b"taxi", b"tram"), 1)):
        said.write_bytes(signed_bytes(data))
        assert subprocess.run(command, capture_output=True).returncode == code


def test_without_a_key_the_manifest_is_there_and_no_envelope():
    assert set(signed_manifest("taxi", FILES)) == {STATEMENT}


@needs_openssl
def test_a_version_is_signed_for_other_tools_and_verify_checks_it(tmp_path, monkeypatch):
    keys = []
    for name in ("one", "two"):
        key, public = tmp_path / f"{name}.key.pem", tmp_path / f"{name}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        keys.append((str(key), str(public)))
    registry = Registry(tmp_path / "registry", "taxi")
    digest = registry.add({"model.bst": b"tree"})
    envelope = registry.folder / "versions" / digest / ENVELOPE
    assert not envelope.exists()
    monkeypatch.setenv(SIGNING_KEY, keys[0][0])
    registry.sign()
    assert envelope.exists()
    assert registry.verify() == []
    whole = envelope.read_text()

    envelope.write_text(whole.replace('"sig": "', '"sig": "AAAA', 1))
    assert "with a signature that the key" in registry.verify()[0]
    envelope.write_text("{}")
    assert f"has a {ENVELOPE} that cannot be read" in registry.verify()[0]
    envelope.write_text(whole.replace('"payload": "', '"payload": "AAAA', 1))
    assert f"has a {ENVELOPE} that is of another manifest" in registry.verify()[0]
    envelope.write_text(whole)
    monkeypatch.setenv(TRUSTED_KEYS, keys[1][1])
    assert any("is none of the trusted ones" in problem for problem in registry.verify())
