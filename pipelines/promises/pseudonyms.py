"""Promises about pseudonyms: how they are made, what they look like, and that nothing but the key undoes them."""

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
from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import KEPT
from bcf_linkage.identifiable.leaks.disguises import spellings
from bcf_linkage.identifiable.pseudonymise import LOCAL, PERSON, SPELL, project_key, tokens
from bcf_linkage.identifiable.vault import Key, Purpose, State, Vault
from bcf_linkage.identifiable.vault.key import weakness
from bcf_linkage.storage.manifest import digests
from pipelines.promises import plainly
from pipelines.promises.held import Found, Held, counted
from pipelines.runs import PUBLISHED

SHAPE = re.compile("[a-p]{32}")
TRIED, SLICE = 1_000, 50_000
NUMBERS_THAT_CAN_BE = 10**9 * 10 // 11
UNFIT = (secrets.token_bytes(16), bytes(32), bytes(range(32)), b"correct horse battery staple, or so", secrets.token_bytes(16) * 2)
"""Keys that may not be taken: too short, one byte, counting, typed, repeated."""

UNSOUND = ("", "1234567890", "1111111111", "999 000 0018", "99900000")
"""Values that are no canonical NHS number."""


def keyed(held: Held) -> Iterator[Found]:
    """Promise 1."""
    live = [held.vault.key(entry.id) for entry in held.vault.ring.entries if entry.state is not State.RETIRED]
    yield Found(not any(map(weakness, live)), f"{counted(len(live), 'key')} of {min(map(len, live))} random bytes or more, each its owner's alone")
    refused = sum(bool(weakness(key)) for key in UNFIT) + _refused_keys()
    yield Found(refused == len(UNFIT) + 2, f"{refused} of {len(UNFIT) + 2} unfit, missing or open keys refused")
    numbers, made = held.sound_numbers, held.manifest["pseudonyms"]
    if numbers:
        again = set(plainly.pseudonyms(held.root_key, made["recipient"], made["project"], PERSON, numbers))
        of_persons = held.pseudonyms.filter(pl.col("kind") == PERSON)["token"]
        others = sum(token not in again for token in of_persons)
        yield Found(not others, f"{counted(len(of_persons), 'pseudonym')} made again after the standards, {others} of them differ")
    else:
        yield Found(True, "the deliveries have gone, so that pseudonyms were not made again")


def _refused_keys() -> int:
    """Of a vault of its own, how often its key is refused: once others may read it, and once it is missing."""
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault(Path(folder) / "vault")
        vault.begin(datetime.now(UTC))
        key = Path(vault.source(Purpose.PSEUDONYM).of("pseudonym-1")[0])
        key.chmod(0o644)
        opened = _is_refused(vault)
        key.unlink()
        return opened + _is_refused(vault)


def _is_refused(vault: Vault) -> bool:
    try:
        vault.current(Purpose.PSEUDONYM)
    except EnvironmentRefused:
        return True
    return False


def apart(held: Held) -> Iterator[Found]:
    """Promise 2."""
    made, numbers = held.manifest["pseudonyms"], plainly.made_up_numbers(TRIED)
    recipient, project = made["recipient"], made["project"]
    others = [(recipient, project), (f"{recipient}2", project), (recipient, f"{project} 2")]
    sets = [set(tokens(project_key(held.root_key, *words), domain, numbers)) for words in others for domain in (PERSON, LOCAL, SPELL)]
    joined = sum(map(len, sets)) - len(set().union(*sets))
    yield Found(not joined, f"{TRIED:,} numbers in {len(sets)} domains: {joined} pseudonyms in two of them")
    kinds = held.pseudonyms.group_by("token").agg(kinds=pl.len())
    shared = kinds.filter(pl.col("kinds") > 1).height
    yield Found(not shared, f"{counted(kinds.height, 'pseudonym')} of persons, local numbers and spells: {shared} stand for two kinds")
    yield Found(bool(recipient and project), f"made for {recipient or 'nobody'}, {project or 'no project'}")


def canonical(held: Held) -> Iterator[Found]:
    """Promise 3."""
    numbers = plainly.made_up_numbers(TRIED)
    written = pl.DataFrame({"as": [spelling for number in numbers for spelling in spellings(number)]})
    read = nw.from_native(written).select(nhs_number.canonical(nw.col("as")).alias("number"))["number"].to_list()
    different = TRIED - sum(read[3 * n : 3 * n + 3] == [number] * 3 for n, number in enumerate(numbers))
    yield Found(not different, f"{TRIED:,} numbers plain, spaced and hyphened: {different} read as two")
    hashed = sum(_is_hashed(held.key, value) for value in UNSOUND)
    yield Found(not hashed, f"{hashed} of {len(UNSOUND)} unsound values hashed")
    missing = tokens(held.key, PERSON, [None])
    empty = {one for domain in (PERSON, LOCAL, SPELL) for one in made_of_nothing(held, domain)}
    of_nothing = held.pseudonyms.filter(pl.col("token").is_in(list(empty)))["rows"].sum()
    yield Found(missing == [None] and not of_nothing, f"{of_nothing} of {int(held.pseudonyms['rows'].sum()):,} pseudonyms made of nothing")


def _is_hashed(key: bytes, value: str) -> bool:
    try:
        return tokens(key, PERSON, [value]) is not None
    except ValueError:
        return False


def made_of_nothing(held: Held, domain: str) -> Sequence[str]:
    """The pseudonyms that a blank number, or the blank number of a supplier, would have."""
    made = held.manifest["pseudonyms"]
    return plainly.pseudonyms(held.root_key, made["recipient"], made["project"], domain, ["", "|", *(f"{extract}|" for extract in EXTRACTS)])


def not_undone(held: Held) -> Iterator[Found]:
    """Promise 7."""
    candidates = plainly.made_up_numbers(SLICE)
    secret = candidates[-1]
    began = time.perf_counter()
    undone = _undone(hashlib.sha256(secret.encode()).hexdigest(), candidates)
    minutes = (time.perf_counter() - began) * NUMBERS_THAT_CAN_BE / SLICE / 60
    yield Found(undone == secret, f"a plain SHA-256 is undone by trying {SLICE:,} numbers, all there can be in {minutes:,.0f} minutes")
    (ours,) = tokens(held.key, PERSON, [secret])
    guessed = Key(secrets.token_bytes(32))
    other = dict(zip(tokens(guessed, PERSON, candidates), candidates, strict=True))
    yield Found(ours is not None and _undone(ours, candidates) is None and ours not in other, "ours is not, plainly or under a guessed key")
    hits = held.identifiers.found_in("\n".join(held.pseudonyms["token"]).encode())
    yield Found(not hits, f"{counted(len(hits), 'pseudonym')} of {held.pseudonyms.height:,} a hash of a delivered number without a key")


def _undone(hashed: str, candidates: Sequence[str]) -> str | None:
    return next((number for number in candidates if hashlib.sha256(number.encode()).hexdigest() == hashed), None)


def same_again(held: Held) -> Iterator[Found]:
    """Promise 13."""
    numbers = plainly.made_up_numbers(TRIED)
    forward, backward = tokens(held.key, PERSON, numbers), tokens(held.key, PERSON, numbers[::-1])
    yield Found(forward == backward[::-1], f"{TRIED:,} numbers in two orders give the same pseudonyms")
    written, found = held.manifest["outputs"], digests(held.workspace.published(held.run))
    changed = sorted(name for name in {*written, *found} if written.get(name) != found.get(name))
    yield Found(not changed, f"{counted(len(written), 'published file')} as written" + (f", but for {', '.join(changed)}" if changed else ""))
    told = [line["outputs"] for line in held.trail if line.get("what") == PUBLISHED and line.get("run") == held.run]
    yield Found(bool(told) and all(outputs == told[-1] for outputs in told), f"published {counted(len(told), 'time')}, each time the same bytes")


def one_shape(held: Held) -> Iterator[Found]:
    """Promise 15."""
    made = held.pseudonyms
    misshapen = sum(SHAPE.fullmatch(token) is None for token in made["token"])
    counts = {kind: made.filter(pl.col("kind") == kind).height for kind in (PERSON, LOCAL, SPELL)}
    yield Found(not misshapen, f"{', '.join(f'{number:,} of a {kind}' for kind, number in counts.items())}: {misshapen} not 32 letters")
    places = pl.concat([rows.group_by("place").len() for rows in held.received.values()]).group_by("place").agg(pl.col("len").sum()).collect()
    untold = int(places.filter(~pl.col("place").is_in(list(KEPT)) | pl.col("place").is_null())["len"].sum())
    yield Found(not untold, f"{int(places['len'].sum()):,} records say where their trace ended, {untold} do not")
