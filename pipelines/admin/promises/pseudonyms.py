"""Checks of the promises on pseudonyms: how they are made, their format, and that only the key reverses them."""

from __future__ import annotations

import hashlib
import re
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES
from bcf_linkage.identifiable.leaks.encodings import spellings
from bcf_linkage.identifiable.pseudonymisation import LOCAL_DOMAIN, PERSON_DOMAIN, SPELL_DOMAIN, make_tokens, project_key
from bcf_linkage.identifiable.vault import Key, KeyPurpose, KeyState, Vault
from bcf_linkage.identifiable.vault.key import key_weakness
from bcf_linkage.storage.manifest import digests
from pipelines.admin.promises import independent_pseudonyms
from pipelines.admin.promises.workspace_snapshot import CheckResult, WorkspaceSnapshot, count_phrase

SHAPE = re.compile("[a-p]{32}")
NUMBERS_TRIED, CANDIDATES_TRIED = 1_000, 50_000
POSSIBLE_NUMBERS = 10**9 * 10 // 11
MISSING_OR_OPEN_KEYS = 2
"""Keys that `_count_refused_keys` tries: one that others may read, and one that is missing."""

UNSOUND_NUMBERS = ("", "1234567890", "1111111111", "999 000 0018", "99900000")
"""Values that are not canonical NHS numbers."""


def _make_weak_keys() -> tuple[bytes, ...]:
    """Return keys that must be refused: too short, one repeated byte, counting bytes, a typed text, a repeated half."""
    return (secrets.token_bytes(16), bytes(32), bytes(range(32)), b"correct horse battery staple, or so", secrets.token_bytes(16) * 2)


def check_keyed_hashing(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 1: pseudonyms are keyed hashes, under keys that are long, random and private."""
    live_keys = [snapshot.vault.key(entry.id) for entry in snapshot.vault.ring.entries if entry.state is not KeyState.RETIRED]
    yield CheckResult(
        not any(map(key_weakness, live_keys)),
        f"{count_phrase(len(live_keys), 'key')} of {min(map(len, live_keys))} random bytes or more, readable by their owner only",
    )
    weak_keys = _make_weak_keys()
    refused_count, tried_count = sum(bool(key_weakness(key)) for key in weak_keys) + _count_refused_keys(), len(weak_keys) + MISSING_OR_OPEN_KEYS
    yield CheckResult(refused_count == tried_count, f"{refused_count} of {tried_count} weak, missing or open keys refused")
    numbers, manifest = snapshot.sound_numbers, snapshot.manifest
    if numbers:
        recomputed = set(independent_pseudonyms.make_pseudonyms(snapshot.root_key, manifest.recipient, manifest.project, PERSON_DOMAIN, numbers))
        person_pseudonyms = snapshot.pseudonyms.filter(pl.col("kind") == PERSON_DOMAIN)["token"]
        different = sum(token not in recomputed for token in person_pseudonyms)
        yield CheckResult(not different, f"{count_phrase(len(person_pseudonyms), 'pseudonym')} recomputed from the standards, {different} of them differ")
    else:
        yield CheckResult(True, "the deliveries were removed, so pseudonyms were not recomputed")


def _count_refused_keys() -> int:
    """Return how often the key of a test vault is refused: when others may read it, and when it is missing."""
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault(Path(folder) / "vault")
        vault.create_first_keys(datetime.now(UTC))
        key = Path(vault.key_source(KeyPurpose.PSEUDONYM).resolve("pseudonym-1")[0])
        key.chmod(0o644)
        readable_refused = _is_refused(vault)
        key.unlink()
        return readable_refused + _is_refused(vault)


def _is_refused(vault: Vault) -> bool:
    try:
        vault.current_key(KeyPurpose.PSEUDONYM)
    except EnvironmentFault:
        return True
    return False


def check_domain_separation(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 2: recipients, projects and kinds of number have pseudonyms that cannot be joined."""
    manifest, numbers = snapshot.manifest, independent_pseudonyms.make_unissued_numbers(NUMBERS_TRIED)
    recipient, project = manifest.recipient, manifest.project
    contexts = [(recipient, project), (f"{recipient}2", project), (recipient, f"{project} 2")]
    pseudonym_sets = [
        set(make_tokens(project_key(snapshot.root_key, *context), domain, numbers))
        for context in contexts
        for domain in (PERSON_DOMAIN, LOCAL_DOMAIN, SPELL_DOMAIN)
    ]
    shared_by_contexts = sum(map(len, pseudonym_sets)) - len(set().union(*pseudonym_sets))
    yield CheckResult(
        not shared_by_contexts, f"{NUMBERS_TRIED:,} numbers in {len(pseudonym_sets)} domains: {shared_by_contexts} pseudonyms in more than one of them"
    )
    kinds = snapshot.pseudonyms.group_by("token").agg(kinds=pl.len())
    shared = kinds.filter(pl.col("kinds") > 1).height
    yield CheckResult(not shared, f"{count_phrase(kinds.height, 'pseudonym')} of persons, local numbers and spells: {shared} of them of two kinds")
    yield CheckResult(bool(recipient and project), f"made for {recipient or 'nobody'}, {project or 'no project'}")


def check_canonical_numbers(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 3: however an NHS number is written, it has one pseudonym, and an invalid number has none."""
    numbers = independent_pseudonyms.make_unissued_numbers(NUMBERS_TRIED)
    spelt = pl.DataFrame({"written": [spelling for number in numbers for spelling in spellings(number)]})
    canonical_numbers = nw.from_native(spelt).select(nhs_number.canonical(nw.col("written")).alias("number"))["number"].to_list()
    different = NUMBERS_TRIED - sum(canonical_numbers[3 * n : 3 * n + 3] == [number] * 3 for n, number in enumerate(numbers))
    yield CheckResult(not different, f"{NUMBERS_TRIED:,} numbers plain, spaced and hyphenated: {different} read as two")
    hashed = sum(_is_hashed(snapshot.key, value) for value in UNSOUND_NUMBERS)
    yield CheckResult(not hashed, f"{hashed} of {len(UNSOUND_NUMBERS)} invalid values hashed")
    missing = make_tokens(snapshot.key, PERSON_DOMAIN, [None])
    of_blanks = {token for domain in (PERSON_DOMAIN, LOCAL_DOMAIN, SPELL_DOMAIN) for token in pseudonyms_of_blanks(snapshot, domain)}
    rows_of_blanks = snapshot.pseudonyms.filter(pl.col("token").is_in(list(of_blanks)))["rows"].sum()
    yield CheckResult(missing == [None] and not rows_of_blanks, f"{rows_of_blanks} of {int(snapshot.pseudonyms['rows'].sum()):,} pseudonyms made from a blank")


def _is_hashed(key: bytes, value: str) -> bool:
    try:
        return make_tokens(key, PERSON_DOMAIN, [value]) is not None
    except ValueError:
        return False


def pseudonyms_of_blanks(snapshot: WorkspaceSnapshot, domain: str) -> Sequence[str]:
    """Return the pseudonyms that a blank number, or a supplier's blank local number, would have."""
    manifest = snapshot.manifest
    return independent_pseudonyms.make_pseudonyms(
        snapshot.root_key, manifest.recipient, manifest.project, domain, ["", "|", *(f"{extract}|" for extract in EXTRACTS)]
    )


def check_irreversibility(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 7: trying all numbers reverses a plain hash, but not a pseudonym."""
    candidates = independent_pseudonyms.make_unissued_numbers(CANDIDATES_TRIED)
    secret = candidates[-1]
    began = time.perf_counter()
    reversed_number = _reverse_hash(hashlib.sha256(secret.encode()).hexdigest(), candidates)
    minutes = (time.perf_counter() - began) * POSSIBLE_NUMBERS / CANDIDATES_TRIED / 60
    yield CheckResult(
        reversed_number == secret, f"a plain SHA-256 is reversed by trying {CANDIDATES_TRIED:,} numbers, all possible ones in {minutes:,.0f} minutes"
    )
    (own_pseudonym,) = make_tokens(snapshot.key, PERSON_DOMAIN, [secret])
    guessed = Key(secrets.token_bytes(32))
    guessed_pseudonyms = dict(zip(make_tokens(guessed, PERSON_DOMAIN, candidates), candidates, strict=True))
    yield CheckResult(
        own_pseudonym is not None and _reverse_hash(own_pseudonym, candidates) is None and own_pseudonym not in guessed_pseudonyms,
        "a pseudonym is not reversed, without a key or under a guessed one",
    )
    hits = snapshot.identifiers.find_in("\n".join(snapshot.pseudonyms["token"]).encode())
    yield CheckResult(not hits, f"unkeyed hashes of delivered numbers: {len(hits):,} of {snapshot.pseudonyms.height:,} pseudonyms")


def _reverse_hash(hashed: str, candidates: Sequence[str]) -> str | None:
    return next((number for number in candidates if hashlib.sha256(number.encode()).hexdigest() == hashed), None)


def check_reproducibility(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 13: the same inputs give the same pseudonyms and the same published bytes."""
    numbers = independent_pseudonyms.make_unissued_numbers(NUMBERS_TRIED)
    forward, backward = make_tokens(snapshot.key, PERSON_DOMAIN, numbers), make_tokens(snapshot.key, PERSON_DOMAIN, numbers[::-1])
    yield CheckResult(forward == backward[::-1], f"{NUMBERS_TRIED:,} numbers in two orders give the same pseudonyms")
    recorded_digests, current_digests = snapshot.manifest.outputs, digests(snapshot.workspace.published(snapshot.run))
    changed = sorted(name for name in {*recorded_digests, *current_digests} if recorded_digests.get(name) != current_digests.get(name))
    yield CheckResult(
        not changed, f"{count_phrase(len(recorded_digests), 'published file')} as written" + (f", except {', '.join(changed)}" if changed else "")
    )
    publications = [entry.outputs for entry in snapshot.publications]
    yield CheckResult(
        bool(publications) and all(outputs == publications[-1] for outputs in publications),
        f"published {count_phrase(len(publications), 'time')}, each time the same bytes",
    )


def check_pseudonym_format(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 15: every pseudonym has one format, and every record has the outcome of its trace."""
    pseudonyms = snapshot.pseudonyms
    malformed = sum(SHAPE.fullmatch(token) is None for token in pseudonyms["token"])
    counts = {kind: pseudonyms.filter(pl.col("kind") == kind).height for kind in (PERSON_DOMAIN, LOCAL_DOMAIN, SPELL_DOMAIN)}
    yield CheckResult(not malformed, f"{', '.join(f'{number:,} of a {kind}' for kind, number in counts.items())}: {malformed} not 32 letters from a to p")
    outcome_counts = (
        pl.concat([rows.group_by("outcome").len() for rows in snapshot.received_rows.values()]).group_by("outcome").agg(pl.col("len").sum()).collect()
    )
    without_outcome = int(outcome_counts.filter(~pl.col("outcome").is_in(list(KEPT_OUTCOMES)) | pl.col("outcome").is_null())["len"].sum())
    yield CheckResult(not without_outcome, f"{int(outcome_counts['len'].sum()):,} records, {without_outcome} without the outcome of their trace")
