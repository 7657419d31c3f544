"""A sealed file opens only under its own key, as its own kind and name. Registers and bridges are sealed files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import BcfError, EnvironmentFault, UsageError
from bcf_linkage.identifiable.pseudonymisation import PERSON_DOMAIN, make_tokens
from bcf_linkage.identifiable.vault import Key, KeyPurpose, Vault
from bcf_linkage.identifiable.vault.bridge import build_bridge, read_bridge, translate_pseudonyms, write_bridge
from bcf_linkage.identifiable.vault.reseal import count_sealed_under, refuse_key_in_use, reseal
from bcf_linkage.identifiable.vault.sealed_files import read_label, seal, unseal
from bcf_linkage.identifiable.vault.sealed_register import (
    read_register,
    read_register_numbers,
    register_file,
    remove_register_numbers,
    write_register,
    write_register_numbers,
)

WHEN = datetime(2014, 10, 1, tzinfo=UTC)
KEY = Key(bytes(range(32)), "register-1")
CONTENT = b"9434765919" * 50
NUMBERS = ["9434765919", "9434765870", "9434765935"]
LABEL = {"kind": "register", "name": "run", "people": "3"}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    new_vault = Vault(tmp_path / "vault")
    new_vault.create_first_keys(WHEN)
    return new_vault


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    file = tmp_path / "vault" / "register" / "run.sealed"
    seal(file, KEY, LABEL, CONTENT)
    return file


def people(key: bytes) -> pl.DataFrame:
    return pl.DataFrame({"person": make_tokens(key, PERSON_DOMAIN, NUMBERS), "nhs_number": NUMBERS, "practice_code": ["A", "A", "B"]})


def test_a_sealed_file_opens_with_its_key_and_is_private(sealed: Path) -> None:
    assert unseal(sealed, KEY, "register", "run") == ({**LABEL, "key": "register-1"}, CONTENT)
    assert read_label(sealed) == {**LABEL, "key": "register-1"}
    assert b"9434765919" not in sealed.read_bytes()
    assert sealed.stat().st_mode & 0o777 == 0o600
    first = sealed.read_bytes()
    seal(sealed, KEY, LABEL, CONTENT)
    assert sealed.read_bytes() != first, "two seals of the same content must differ"
    assert [path.name for path in sealed.parent.iterdir()] == ["run.sealed"]


def test_a_changed_added_or_removed_byte_is_detected(sealed: Path) -> None:
    sound = sealed.read_bytes()
    for n in range(0, len(sound), 7):
        sealed.write_bytes(sound[:n] + bytes([sound[n] ^ 1]) + sound[n + 1 :])
        with pytest.raises(BcfError):
            unseal(sealed, KEY, "register", "run")
    for spoilt in (b"", sound[:-1], sound + b"\0", sound[1:], sound[:30], b"{}\n", sound.split(b"\n")[0] + b"\n[]\n" + sound):
        sealed.write_bytes(spoilt)
        with pytest.raises(EnvironmentFault, match="is not as it was sealed"):
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
def test_a_file_cannot_be_passed_off_as_another(sealed: Path, key: Key, kind: str, name: str, words: str) -> None:
    with pytest.raises(EnvironmentFault, match=words):
        unseal(sealed, key, kind, name)


def test_a_register_is_read_as_written_and_names_the_key_of_its_pseudonyms(vault: Vault) -> None:
    key = vault.current_key(KeyPurpose.PSEUDONYM)
    write_register(vault, "run", key.name, people(key))
    assert read_register(vault, "run").equals(people(key))
    assert read_label(register_file(vault, "run")) == {"kind": "register", "name": "run", "people": "3", "pseudonyms": "pseudonym-1", "key": "register-1"}
    register_file(vault, "run").rename(register_file(vault, "another"))
    with pytest.raises(EnvironmentFault, match="as something else"):
        read_register(vault, "another")
    with pytest.raises(UsageError, match="no such file in the vault"):
        read_register(vault, "run")


def test_register_numbers_are_sealed_during_a_run_and_then_removed(vault: Vault) -> None:
    key = vault.current_key(KeyPurpose.PSEUDONYM)
    write_register_numbers(vault, "stopped", people(key))
    write_register_numbers(vault, "run", people(key))
    kept_files = [path for path in (vault.folder / "register").rglob("*") if path.is_file()]
    assert [path.name for path in kept_files] == ["run.sealed"], "the file of an interrupted run must be removed"
    assert not any(number.encode() in path.read_bytes() for path in kept_files for number in NUMBERS)
    assert read_register_numbers(vault, "run").equals(people(key).drop("practice_code"))
    with pytest.raises(UsageError, match="no such file in the vault"):
        read_register(vault, "run")
    remove_register_numbers(vault, "run")
    assert not [path for path in (vault.folder / "register").rglob("*") if path.is_file()]


def test_a_bridge_translates_old_pseudonyms_to_new_ones_and_is_sealed(vault: Vault) -> None:
    before = vault.current_key(KeyPurpose.PSEUDONYM)
    write_register(vault, "first", before.name, people(before)[:2])
    write_register(vault, "second", before.name, people(before)[1:])
    write_register(vault, "of another key", "pseudonym-9", people(bytes(32)))
    after = vault.prepare_key(KeyPurpose.PSEUDONYM)
    pairs = build_bridge(vault, before, after)
    assert dict(pairs.iter_rows()) == dict(zip(make_tokens(before, PERSON_DOMAIN, NUMBERS), make_tokens(after, PERSON_DOMAIN, NUMBERS), strict=True))
    file = write_bridge(vault, before.name, after.name, pairs)
    assert not any(token.encode() in file.read_bytes() for token in pairs["before"])
    bridge = read_bridge(vault, "pseudonym-1", "pseudonym-2")
    old = pl.Series("person", [*make_tokens(before, PERSON_DOMAIN, NUMBERS), "a" * 32, None])
    assert translate_pseudonyms(old, bridge).to_list() == [*make_tokens(after, PERSON_DOMAIN, NUMBERS), None, None]
    with pytest.raises(UsageError, match="none of the pseudonyms was made under the older key"):
        translate_pseudonyms(pl.Series("person", ["a" * 32]), bridge)


def test_after_a_rotation_of_the_register_key_all_files_are_resealed(vault: Vault) -> None:
    key = vault.current_key(KeyPurpose.PSEUDONYM)
    write_register(vault, "run", key.name, people(key))
    write_bridge(vault, "pseudonym-1", "pseudonym-2", pl.DataFrame({"before": ["a"], "after": ["b"]}))
    with pytest.raises(UsageError, match="register-1 still opens 2 files"):
        refuse_key_in_use(vault, "register-1")
    vault.prepare_key(KeyPurpose.REGISTER)
    vault.activate_key(KeyPurpose.REGISTER, WHEN)
    assert read_register(vault, "run").equals(people(key)), "the old key must open it until it is resealed"
    assert reseal(vault) == 2
    assert reseal(vault) == 0
    assert (count_sealed_under(vault, "register-1"), count_sealed_under(vault, "register-2")) == (0, 2)
    vault.retire_key("register-1", WHEN)
    assert read_register(vault, "run").equals(people(key))
    assert read_bridge(vault, "pseudonym-1", "pseudonym-2").rows() == [("a", "b")]
