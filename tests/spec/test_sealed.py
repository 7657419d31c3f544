"""Sealed files open under their own key, as what they are, or not at all; registers and bridges are such files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import EnvironmentRefused, Refusal, RequestRefused
from bcf_linkage.identifiable.pseudonymise import PERSON, tokens
from bcf_linkage.identifiable.vault import Key, Purpose, Vault
from bcf_linkage.identifiable.vault.bridge import bridged, carried, read_bridge, write_bridge
from bcf_linkage.identifiable.vault.register import forget_numbers, note_numbers, noted_numbers, read_register, register_file, write_register
from bcf_linkage.identifiable.vault.resealing import refuse_while_needed, reseal, sealed_under
from bcf_linkage.identifiable.vault.sealed import label_of, seal, unseal

WHEN = datetime(2014, 10, 1, tzinfo=UTC)
KEY = Key(bytes(range(32)), "register-1")
CONTENT = b"9434765919" * 50
NUMBERS = ["9434765919", "9434765870", "9434765935"]
LABEL = {"kind": "register", "name": "run", "people": "3"}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault(tmp_path / "vault")
    made.begin(WHEN)
    return made


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    file = tmp_path / "vault" / "register" / "run.sealed"
    seal(file, KEY, LABEL, CONTENT)
    return file


def people(key: bytes) -> pl.DataFrame:
    return pl.DataFrame({"person": tokens(key, PERSON, NUMBERS), "nhs_number": NUMBERS, "practice_code": ["A", "A", "B"]})


def test_what_is_sealed_is_opened_by_its_key_and_seen_by_nobody_else(sealed: Path) -> None:
    assert unseal(sealed, KEY, "register", "run") == ({**LABEL, "key": "register-1"}, CONTENT)
    assert label_of(sealed) == {**LABEL, "key": "register-1"}
    assert b"9434765919" not in sealed.read_bytes()
    assert sealed.stat().st_mode & 0o777 == 0o600
    first = sealed.read_bytes()
    seal(sealed, KEY, LABEL, CONTENT)
    assert sealed.read_bytes() != first, "the same content never looks the same"
    assert [path.name for path in sealed.parent.iterdir()] == ["run.sealed"]


def test_no_byte_can_be_changed_added_or_taken_unseen(sealed: Path) -> None:
    sound = sealed.read_bytes()
    for n in range(0, len(sound), 7):
        sealed.write_bytes(sound[:n] + bytes([sound[n] ^ 1]) + sound[n + 1 :])
        with pytest.raises(Refusal):
            unseal(sealed, KEY, "register", "run")
    for spoilt in (b"", sound[:-1], sound + b"\0", sound[1:], sound[:30], b"{}\n", sound.split(b"\n")[0] + b"\n[]\n" + sound):
        sealed.write_bytes(spoilt)
        with pytest.raises(EnvironmentRefused, match="is not as it was sealed"):
            unseal(sealed, KEY, "register", "run")


@pytest.mark.parametrize(
    ("key", "kind", "name", "words"),
    [
        (Key(bytes(range(1, 33)), "register-1"), "register", "run", "under another key"),
        (Key(bytes(range(32)), "register-2"), "register", "run", "as something else"),
        (KEY, "bridge", "run", "as something else"),
        (KEY, "register", "another run", "as something else"),
    ],
)
def test_a_file_passes_for_no_other(sealed: Path, key: Key, kind: str, name: str, words: str) -> None:
    with pytest.raises(EnvironmentRefused, match=words):
        unseal(sealed, key, kind, name)


def test_a_register_comes_back_as_it_was_and_names_the_key_of_its_pseudonyms(vault: Vault) -> None:
    key = vault.current(Purpose.PSEUDONYM)
    write_register(vault, "run", key.name, people(key))
    assert read_register(vault, "run").equals(people(key))
    assert label_of(register_file(vault, "run")) == {"kind": "register", "name": "run", "people": "3", "pseudonyms": "pseudonym-1", "key": "register-1"}
    register_file(vault, "run").rename(register_file(vault, "another"))
    with pytest.raises(EnvironmentRefused, match="as something else"):
        read_register(vault, "another")
    with pytest.raises(RequestRefused, match="no such file in the vault"):
        read_register(vault, "run")


def test_numbers_noted_while_a_run_is_at_work_lie_sealed_and_do_not_stay(vault: Vault) -> None:
    key = vault.current(Purpose.PSEUDONYM)
    note_numbers(vault, "stopped", people(key))
    note_numbers(vault, "run", people(key))
    noted = [path for path in (vault.folder / "register").rglob("*") if path.is_file()]
    assert [path.name for path in noted] == ["run.sealed"], "what a stopped run left is gone"
    assert not any(number.encode() in path.read_bytes() for path in noted for number in NUMBERS)
    assert noted_numbers(vault, "run").equals(people(key).drop("practice_code"))
    with pytest.raises(RequestRefused, match="no such file in the vault"):
        read_register(vault, "run")
    forget_numbers(vault, "run")
    assert not [path for path in (vault.folder / "register").rglob("*") if path.is_file()]


def test_a_bridge_leads_from_old_pseudonyms_to_new_ones_and_lies_sealed(vault: Vault) -> None:
    before = vault.current(Purpose.PSEUDONYM)
    write_register(vault, "first", before.name, people(before)[:2])
    write_register(vault, "second", before.name, people(before)[1:])
    write_register(vault, "of another key", "pseudonym-9", people(bytes(32)))
    after = vault.prepare(Purpose.PSEUDONYM)
    pairs = bridged(vault, before, after)
    assert dict(pairs.iter_rows()) == dict(zip(tokens(before, PERSON, NUMBERS), tokens(after, PERSON, NUMBERS), strict=True))
    file = write_bridge(vault, before.name, after.name, pairs)
    assert not any(token.encode() in file.read_bytes() for token in pairs["before"])
    bridge = read_bridge(vault, "pseudonym-1", "pseudonym-2")
    old = pl.Series("person", [*tokens(before, PERSON, NUMBERS), "a" * 32, None])
    assert carried(old, bridge).to_list() == [*tokens(after, PERSON, NUMBERS), None, None]
    with pytest.raises(RequestRefused, match="none of the pseudonyms was made under the older key"):
        carried(pl.Series("person", ["a" * 32]), bridge)


def test_after_a_rotation_of_the_register_key_everything_is_sealed_anew(vault: Vault) -> None:
    key = vault.current(Purpose.PSEUDONYM)
    write_register(vault, "run", key.name, people(key))
    write_bridge(vault, "pseudonym-1", "pseudonym-2", pl.DataFrame({"before": ["a"], "after": ["b"]}))
    with pytest.raises(RequestRefused, match="register-1 still opens 2 files"):
        refuse_while_needed(vault, "register-1")
    vault.prepare(Purpose.REGISTER)
    vault.turn(Purpose.REGISTER, WHEN)
    assert read_register(vault, "run").equals(people(key)), "until it is sealed anew, the old key opens it"
    assert reseal(vault) == 2
    assert reseal(vault) == 0
    assert (sealed_under(vault, "register-1"), sealed_under(vault, "register-2")) == (0, 2)
    vault.retire("register-1", WHEN)
    assert read_register(vault, "run").equals(people(key))
    assert read_bridge(vault, "pseudonym-1", "pseudonym-2").rows() == [("a", "b")]
