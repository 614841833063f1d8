"""The manifest that an outside tool checks: read here with openssl and sha256sum, which know nothing of us."""

import base64
import json
import shutil
import subprocess

import pytest

from retrain_assets.registry.storage.signatures import SIGNING_KEY
from retrain_assets.serving.signed_manifest import ENVELOPE, STATEMENT, signed_bytes, signed_manifest

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
