"""Commands that keep a registry sound and small: verify, sign, prune."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import NO, guarded, now, opened, spec_of, waiting
from retrain_assets.documents.terminal import say
from retrain_assets.documents.units import counted
from retrain_assets.errors import RegistryError
from retrain_assets.spec.loading import load_specs

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry


@click.command()
@click.argument("name", required=False)
@click.option("--repair", is_flag=True, help="Mend what an interrupted write left, or what a hash proves.")
@click.option("--expect", help="An event that NAME's journal must hold, as model_status shows it: SEQ:HASH.")
@click.option("--rejudge", is_flag=True, help="Reach every verdict again from the stored rows, versions and rules.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems of each model as JSON.")
@guarded
def verify(name: str | None, repair: bool, expect: str | None, rejudge: bool, as_json: bool) -> None:
    """Check the registry: digests of every version, the journal's chain, the live pointer.

    With --repair, what can be mended without guessing is mended first; what is left says what to restore. With
    --expect, a journal that was cut off or rewritten as a whole is found too; it also lets --repair write lost heads.
    With --rejudge, a verdict that does not follow from what is stored is named, as one is that somebody made up.

    Example: retrain verify taxi_charge --repair
    """
    from retrain_assets.registry.journal.heads import Head

    if expect is not None and name is None:
        raise ValueError("--expect is about the journal of one model: name the model too")
    expected = Head.parse(expect) if expect is not None else None
    names = [spec_of(name).name] if name else load_specs()
    registries = {model: opened(model).registry for model in names}
    with waiting("recomputing every digest"):
        mended = {model: registry.repair(expected) for model, registry in registries.items() if repair}
        problems = {model: registry.verify(expected) for model, registry in registries.items()}
        for model, registry in registries.items():
            problems[model] += unsound_models(registry)
    if rejudge:
        for model in (model for model, found in problems.items() if not found):
            problems[model] = _judged_again(model, as_json)
    for model, done in mended.items():
        for sentence in done:
            say(f"{model}: {sentence}", err=as_json)
    if as_json:
        click.echo(json.dumps(problems, indent=1))
    else:
        for model, found in problems.items():
            for problem in found or [_sound(model)]:
                say([f"{model}: {problem}"])
    sys.exit(NO if any(problems.values()) else 0)


@click.command()
@click.argument("name")
@guarded
def sign(name: str) -> None:
    """Sign every event and version that stands, with the key that RETRAIN_SIGNING_KEY names: you vouch for them.

    For a history from before signing began, or after the key was changed. What is written later is signed by itself.

    Example: retrain sign taxi_charge
    """
    say(f"{name}: signed {opened(name).registry.sign()} events and versions")


def unsound_models(registry: Registry) -> list[str]:
    """Versions whose digests hold and whose model is none that LightGBM wrote, a sentence each."""
    from retrain_assets.errors import ForeignModel
    from retrain_assets.scoring.model_text import MODEL_FILE, read_model_text

    found = []
    for digest in registry.stored():
        with suppress(RegistryError):  # damaged, which is said already
            model = registry.read(digest).get(MODEL_FILE)
            try:
                if model is not None:
                    read_model_text(model)
            except ForeignModel as fault:
                found.append(
                    f"versions/{digest[:12]}: model.bst was crafted or is of another program: {fault}. Nothing loads "
                    "it. Find out who could write there."
                )
    return found


def _judged_again(model: str, as_json: bool) -> list[str]:
    """Reach a model's verdicts again, say how many come out, and return those that do not."""
    from retrain_assets.pipeline import gate_then, window_then
    from retrain_assets.validation.rejudgement import rejudge
    from retrain_assets.validation.rule_changes import rule_changes

    spec, store, registry = opened(model)
    found = rejudge(
        registry,
        store,
        lambda verdict: gate_then(spec, registry, verdict),
        lambda verdict: window_then(registry, verdict),
    )
    known = found.same + len(found.other)
    lacking = f"; {len(found.unknown)} more cannot be judged again" if found.unknown else ""
    say([f"{model}: {found.same} of {known} verdicts come out as they are recorded{lacking}"], err=as_json)
    for sentence in (*found.unknown, *rule_changes(registry, spec.files())):
        say([f"{model}: {sentence}"], err=as_json)
    return list(found.other)


def _sound(model: str) -> str:
    from retrain_assets.registry.storage.signatures import trusted_keys

    registry = opened(model).registry
    if not registry.folder.exists():
        return f"nothing to check: no candidate was ever trained in {registry.folder.parent.parent}"
    gone, signed = len(registry.deleted()), registry.signed()
    pruned = f"; retention deleted the files of {counted(gone, 'model')}" if gone else ""
    if not signed:
        return f"every digest and the journal's chain hold; nothing is signed{pruned}"
    if trusted_keys():
        return f"every digest, the journal's chain and {signed} signatures hold{pruned}"
    return (
        f"every digest and the journal's chain hold; {signed} signatures were not checked, for RETRAIN_TRUSTED_KEYS "
        f"names no key{pruned}"
    )


@click.command()
@click.argument("name")
@click.option("--preview", is_flag=True, help="Only say what would be deleted.")
@click.option("--json", "as_json", is_flag=True, help="Print the digests as JSON.")
@guarded
def prune(name: str, preview: bool, as_json: bool) -> None:
    """Delete the files of models out of service that the spec's `retention` does not keep; runs do so by themselves.

    The live version, the one a rollback returns to, and whatever is held are kept whatever the spec says.

    Example: retrain prune taxi_charge --preview
    """
    from retrain_assets.cli.runner import actor
    from retrain_assets.registry.journal.history import History
    from retrain_assets.registry.retention import disposable

    spec, _, registry = opened(name)
    if preview:
        gone = registry.deleted()
        digests = [d for d in disposable(History(registry.history()), spec.retention, now()) if d not in gone]
    else:
        event = registry.prune(spec.retention, at=now(), actor=actor())
        digests = list(event.deleted) if event else []
    if as_json:
        click.echo(json.dumps({"deleted": [] if preview else digests, "would_delete": digests if preview else []}))
        return
    verb = "would delete" if preview else "deleted"
    say(f"{verb} the files of {counted(len(digests), 'model')}; {spec.retention.sentence}")
    for digest in digests:
        click.echo(f"  {digest}")


REGISTRY_COMMANDS = (verify, sign, prune)
