"""Signed events and versions: what a trusted key vouches for, and what somebody wrote who has none."""

import json
import shutil
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from benchmarks.worlds import verdicts
from retrain_assets.errors import IntegrityError, StorageError
from retrain_assets.registry.journal.chain import Journal
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Hold, Release, Signature
from retrain_assets.registry.storage.disk import LocalStorage, canonical
from retrain_assets.registry.storage.signatures import SIGNING_KEY, TRUSTED_KEYS, Signatures

SIGNED = Signature("ann", "tariffs change", datetime(2024, 1, 16), "2024-01-08")


@pytest.fixture
def key(tmp_path):
    """Makes a key of a name: writes both halves, and returns the files."""

    def make(name):
        private, folder = Ed25519PrivateKey.generate(), tmp_path / "trusted"
        folder.mkdir(exist_ok=True)
        path, public = tmp_path / f"{name}.key.pem", folder / f"{name}.pem"
        path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return path, public

    return make


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry", "taxi")


def write(registry):
    """A version and two events."""
    registry.add({"model.bst": b"tree"})
    registry.rule(Hold(SIGNED))
    registry.rule(Release(SIGNED))


def test_without_a_key_nothing_is_signed_and_nothing_is_asked(registry):
    write(registry)
    assert registry.signed() == 0
    assert registry.verify() == []


def test_what_is_written_with_a_key_holds_under_its_public_half(registry, key, monkeypatch):
    private, public = key("ann")
    monkeypatch.setenv(SIGNING_KEY, str(private))
    write(registry)
    assert registry.signed() == 3
    assert registry.verify() == [], "the signing key is trusted where no other is named"
    monkeypatch.delenv(SIGNING_KEY)
    monkeypatch.setenv(TRUSTED_KEYS, str(public))
    assert registry.verify() == []


def test_a_history_rewritten_whole_by_somebody_without_the_key_is_named(registry, key, monkeypatch, tmp_path):
    private, public = key("ann")
    monkeypatch.setenv(SIGNING_KEY, str(private))
    write(registry)
    monkeypatch.delenv(SIGNING_KEY)
    stored = list((registry.folder / "signatures").iterdir())
    shutil.move(registry.folder, tmp_path / "before")
    registry.add({"model.bst": b"another tree"})
    registry.rule(Hold(SIGNED))
    shutil.copytree(tmp_path / "before" / "signatures", registry.folder / "signatures")
    assert len(stored) == 3
    assert registry.verify() == [], "nothing shows without the key"

    monkeypatch.setenv(TRUSTED_KEYS, str(public))

    version, *others = [problem for problem in registry.verify() if "the version" in problem]
    assert "is not signed. If you know that it is right" in version
    assert others == []


@pytest.mark.parametrize("what", ["journal", "versions"])
def test_an_event_or_version_that_was_added_without_the_key_is_named(registry, key, monkeypatch, what):
    private, public = key("ann")
    monkeypatch.setenv(SIGNING_KEY, str(private))
    write(registry)
    monkeypatch.delenv(SIGNING_KEY)
    if what == "journal":
        registry.rule(Hold(SIGNED))
    else:
        registry.add({"model.bst": b"a tree of somebody else"})
    monkeypatch.setenv(TRUSTED_KEYS, str(public))
    (problem,) = registry.verify()
    assert problem.startswith("taxi: the event 3 is not signed." if what == "journal" else "taxi: the version ")


def test_a_signature_fits_no_other_model_kind_or_event(registry, key, monkeypatch):
    private, _ = key("ann")
    monkeypatch.setenv(SIGNING_KEY, str(private))
    write(registry)
    first, second = (event.hash for event in registry.history())
    place = registry.folder / "signatures"
    (place / f"{second}.json").write_bytes((place / f"{first}.json").read_bytes())
    (problem,) = registry.verify()
    assert problem.startswith("taxi: the event 2 has a signature that the key ")
    assert " did not make. " in problem


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", canonical({"key": "0", "signature": "no hex"})])
def test_a_signature_that_is_none_is_named(registry, key, monkeypatch, data):
    private, _ = key("ann")
    monkeypatch.setenv(SIGNING_KEY, str(private))
    write(registry)
    path = registry.folder / "signatures" / f"{registry.history()[0].hash}.json"
    path.write_bytes(data)
    assert "the event 1 has a signature that cannot be read" in registry.verify()[0]


def test_after_a_change_of_keys_both_count_until_all_is_signed_anew(registry, key, monkeypatch):
    old, old_public = key("old")
    monkeypatch.setenv(SIGNING_KEY, str(old))
    registry.add({"model.bst": b"tree"})
    registry.rule(Hold(SIGNED))
    new, _ = key("new")
    monkeypatch.setenv(SIGNING_KEY, str(new))
    monkeypatch.setenv(TRUSTED_KEYS, str(old_public.parent))
    registry.rule(Release(SIGNED))
    assert registry.verify() == []

    old_public.unlink()
    assert any("is signed by the key" in problem and "none of the trusted" in problem for problem in registry.verify())
    assert registry.sign() == 3
    assert registry.verify() == []


def test_a_history_from_before_signing_is_signed_once_a_person_vouches_for_it(registry, key, monkeypatch):
    write(registry)
    private, _ = key("ann")
    monkeypatch.setenv(SIGNING_KEY, str(private))
    assert "the event 1 is not signed, like 1 more. If you know that it is right" in registry.verify()[0]
    assert registry.sign() == 3
    assert registry.verify() == []


def test_what_is_damaged_is_not_signed(registry, key, monkeypatch):
    write(registry)
    monkeypatch.setenv(SIGNING_KEY, str(key("ann")[0]))
    path = registry.folder / "journal" / "00000001.json"
    path.chmod(0o644)
    path.write_bytes(canonical({**json.loads(path.read_bytes()), "reason": "another"}))
    with pytest.raises(IntegrityError, match="was edited: .* Nothing is signed"):
        registry.sign()
    assert registry.signed() == 0


def test_a_crash_between_a_signature_and_its_event_leaves_a_whole_history(registry, key, monkeypatch):
    monkeypatch.setenv(SIGNING_KEY, str(key("ann")[0]))
    write(registry)

    def full(self, name, data):
        raise StorageError("the disk is full")

    monkeypatch.setattr(LocalStorage, "create", full)
    with pytest.raises(StorageError, match="the disk is full"):
        registry.rule(Hold(SIGNED))
    assert registry.signed() == 4
    monkeypatch.undo()
    monkeypatch.setenv(SIGNING_KEY, str(key("ann")[0]))
    assert len(Journal(LocalStorage(registry.folder), "taxi").events()) == 2


@pytest.mark.parametrize("wrong", ["missing", "no key", "another kind", "encrypted"])
def test_nothing_is_written_where_the_key_cannot_be_used(registry, tmp_path, monkeypatch, wrong):
    path = tmp_path / "key.pem"
    if wrong == "no key":
        path.write_text("ssh-ed25519 AAAA")
    elif wrong == "another kind":
        other = generate_private_key(SECP256R1())
        path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    elif wrong == "encrypted":
        from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

        secret = Ed25519PrivateKey.generate()
        path.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    monkeypatch.setenv(SIGNING_KEY, str(path))
    with pytest.raises(StorageError, match=f"{SIGNING_KEY}=.*key.pem.*`openssl genpkey -algorithm ed25519"):
        registry.rule(Hold(SIGNED))
    assert registry.history() == ()


@pytest.mark.parametrize("named", ["", " "])
def test_a_variable_that_is_set_and_empty_switches_nothing_off(registry, monkeypatch, named):
    monkeypatch.setenv(SIGNING_KEY, named)
    with pytest.raises(StorageError, match="RETRAIN_SIGNING_KEY is empty. Name a file, or unset it."):
        write(registry)
    assert not registry.history()
    monkeypatch.delenv(SIGNING_KEY)
    write(registry)
    monkeypatch.setenv(TRUSTED_KEYS, named)
    assert "RETRAIN_TRUSTED_KEYS is empty" in registry.verify()[0]
    with pytest.raises(StorageError, match="RETRAIN_TRUSTED_KEYS is empty"):
        Signatures(LocalStorage(registry.folder), registry.model).refuse_unsigned_version("9f" * 32)


@pytest.mark.parametrize("wrong", ["missing", "empty folder", "private"])
def test_trusted_keys_that_cannot_be_read_are_a_problem_and_no_pass(registry, key, tmp_path, monkeypatch, wrong):
    write(registry)
    (tmp_path / "none").mkdir()
    place = {"missing": tmp_path / "x.pem", "empty folder": tmp_path / "none", "private": key("ann")[0]}[wrong]
    monkeypatch.setenv(TRUSTED_KEYS, str(place))
    assert TRUSTED_KEYS in registry.verify()[0]


def test_nothing_moves_to_a_version_that_no_trusted_key_signed_and_it_is_not_even_loaded(tmp_path, key, monkeypatch):
    private, public = key("ann")
    registry = verdicts.fresh(tmp_path)
    monkeypatch.setenv(SIGNING_KEY, str(private))
    verdicts.promoted(registry, [0, 1])
    monkeypatch.delenv(SIGNING_KEY)
    crafted = verdicts.verdict(registry, 2, verdicts.candidate(registry, "crafted"))
    registry.record(crafted, at=verdicts.moment(2), actor="run 1")
    monkeypatch.setenv(TRUSTED_KEYS, str(public))
    with pytest.raises(IntegrityError, match="is not signed, so nothing moves to it"):
        verdicts.promote_only(registry, crafted, 2, probe=pytest.fail)
    assert registry.live().name == "v2"

    first = registry.versions()[0].digest
    (registry.folder / "signatures" / f"{first}.json").unlink()
    with pytest.raises(IntegrityError, match="is not signed, so nothing moves to it"):
        verdicts.rolled_back(registry, 3, probe=pytest.fail)
    assert registry.live().name == "v2"
