"""Keys: created whole or not at all, private to their owner, fetched from the declared source, and refused if they are unusable."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import BcfError, EnvironmentFault, UsageError
from bcf_linkage.identifiable.vault import Key, KeyPurpose, KeySource, KeyState, Vault, key_fingerprint
from bcf_linkage.identifiable.vault.key import key_weakness

WHEN = datetime(2014, 10, 1, 6, 30, tzinfo=UTC)
LATER = datetime(2015, 4, 1, 6, 30, tzinfo=UTC)
STRONG = "f3a8" + "".join(f"{(n * 73 + n * n * 11) % 256:02x}" for n in range(30))
PSEUDONYM, REGISTER = KeyPurpose.PSEUDONYM, KeyPurpose.REGISTER


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault with the first key of every purpose."""
    new_vault = Vault(tmp_path / "vault")
    new_vault.create_first_keys(WHEN)
    return new_vault


def key_file(vault: Vault, key_id: str = "pseudonym-1") -> Path:
    return vault.folder / "keys" / f"{key_id}.key"


def test_new_keys_are_32_random_bytes_private_to_their_owner(vault: Vault, tmp_path: Path) -> None:
    files = sorted(path.name for path in (vault.folder / "keys").iterdir())
    assert files == ["pseudonym-1.key", "register-1.key", "ring.json"]
    assert {path.stat().st_mode & 0o777 for path in (vault.folder / "keys").iterdir()} == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in (vault.folder, vault.folder / "keys")} == {0o700}
    another = Vault(tmp_path / "another")
    another.create_first_keys(WHEN)
    keys = {bytes(each.current_key(purpose)) for each in (vault, another) for purpose in KeyPurpose}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}


def test_the_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        vault = Vault(tmp_path / "vault")
        vault.create_first_keys(WHEN)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in vault.folder.rglob("*")} == {0}


def test_a_key_is_never_replaced_without_a_request(vault: Vault) -> None:
    before = key_file(vault).read_bytes()
    with pytest.raises(UsageError, match="there is a pseudonym key already, pseudonym-1"):
        vault.create_first_keys(LATER)
    assert key_file(vault).read_bytes() == before


def test_a_key_is_never_shown_pickled_or_copied(vault: Vault) -> None:
    key = vault.current_key(PSEUDONYM)
    secret = bytes(key).hex()
    texts = [str(key), repr(key), f"{key}", f"{key!r:>90}", repr([key]), repr({"key": key})]
    assert all(secret not in text and repr(bytes(key)) not in text for text in texts)
    assert "Key(pseudonym-1, withheld)" in texts[0]
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled or copied"):
            leak(key)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("", 0o600, "not a whole key of 32 to 64 bytes"),
        (STRONG[:62], 0o600, "not a whole key of 32 to 64 bytes"),
        (STRONG * 3, 0o600, "not a whole key of 32 to 64 bytes"),
        ("zz" * 32, 0o600, "is not a key in hexadecimal"),
        ("é" * 32, 0o600, "is not a key in hexadecimal"),
        (STRONG[:-1], 0o600, "is not a key in hexadecimal"),
        ("00" * 32, 0o600, "repeats so few bytes"),
        ("ab12" * 16, 0o600, "repeats so few bytes"),
        (bytes(range(32)).hex(), 0o600, "counts up or down"),
        (bytes(range(64, 0, -2)).hex(), 0o600, "counts up or down"),
        (STRONG[:40] + STRONG[:40] + STRONG[:48], 0o600, ""),
        (STRONG[:64] * 2, 0o600, "repeats itself"),
        (b"correct-horse-battery-staple-2014".hex(), 0o600, "text that somebody typed"),
        (STRONG, 0o644, "mode 644"),
        (STRONG, 0o640, "mode 640"),
        (STRONG, 0o602, "mode 602"),
    ],
)
def test_an_unusable_key_is_refused_and_not_quoted(content: str, mode: int, words: str, tmp_path: Path) -> None:
    file = tmp_path / "own.key"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    vault = Vault(tmp_path / "vault", {PSEUDONYM: KeySource("file", (str(file),))})
    if not words:
        assert vault.create_key(PSEUDONYM, WHEN).id == "pseudonym-1"
        return
    with pytest.raises(EnvironmentFault, match=words) as refusal:
        vault.create_key(PSEUDONYM, WHEN)
    assert not content or content not in str(refusal.value)
    assert vault.ring.entries == ()


def test_random_bytes_are_never_taken_for_weak() -> None:
    assert not any(key_weakness(os.urandom(32)) for _ in range(2_000))


def spoilt(how: Callable[[Path], object]) -> Callable[[Vault], None]:
    return lambda vault: how(key_file(vault)) and None


def linked(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def folder_open(file: Path) -> None:
    file.parent.chmod(0o777)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda file: file.unlink(), "there is no key; restore it"),
        (lambda file: file.chmod(0o604), "others than its owner may read it"),
        (lambda file: file.write_text(STRONG), "is not the key that pseudonym-1 was"),
        (lambda file: file.with_name("register-1.key").replace(file), "is not the key that pseudonym-1 was"),
        (linked, "cannot be read"),
        (folder_open, "others may put another key there"),
        (a_folder, "is no file|others than its owner"),
        (lambda file: file.with_name("ring.json").unlink(), "there is no pseudonym key"),
        (lambda file: file.with_name("ring.json").write_text("{}"), "is not as it was written"),
    ],
)
def test_a_key_that_was_changed_is_refused_in_one_line(how: Callable[[Path], object], words: str, vault: Vault) -> None:
    secret = key_file(vault).read_text().strip()
    how(key_file(vault))
    with pytest.raises(EnvironmentFault, match=words) as refusal:
        vault.current_key(PSEUDONYM)
    assert "\n" not in str(refusal.value)
    assert secret not in str(refusal.value)


def test_a_vault_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFault, match=r"cannot be written|cannot be read"):
        Vault(tmp_path).create_first_keys(WHEN)


def test_a_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(tmp_path / "vault", {PSEUDONYM: KeySource("environment", ("SITE_{id}",))})
    with pytest.raises(EnvironmentFault, match="environment variable SITE_PSEUDONYM_1: is not set"):
        vault.create_key(PSEUDONYM, WHEN)
    monkeypatch.setenv("SITE_PSEUDONYM_1", STRONG)
    entry = vault.create_key(PSEUDONYM, WHEN)
    assert bytes(vault.current_key(PSEUDONYM)).hex() == STRONG
    assert entry.fingerprint == key_fingerprint(bytes.fromhex(STRONG))
    assert [path.name for path in (vault.folder / "keys").iterdir()] == ["ring.json"]
    assert STRONG not in (vault.folder / "keys" / "ring.json").read_text()


def command(code: str) -> KeySource:
    return KeySource("command", (sys.executable, "-c", code, "{id}"))


def test_a_key_may_come_from_the_sites_own_key_service(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", {PSEUDONYM: command(f"import sys; assert sys.argv[1] == 'pseudonym-1'; print('{STRONG}')")})
    vault.create_key(PSEUDONYM, WHEN)
    assert bytes(vault.current_key(PSEUDONYM)).hex() == STRONG


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (command(f"import sys; print('{STRONG}'); sys.exit(3)"), "failed with exit code 3 and gave no key"),
        (command(f"import sys; sys.stderr.write('{STRONG}'); sys.exit(1)"), "failed with exit code 1 and gave no key"),
        (command("print('not a key')"), "is not a key in hexadecimal"),
        (command("print('ab' * 100000)"), "not a whole key|not a key"),
        (command("pass"), "not a whole key"),
        (KeySource("command", ("/no/such/program", STRONG)), "cannot be run"),
    ],
)
def test_a_failed_key_service_is_reported_without_its_output(source: KeySource, words: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=words) as refusal:
        Vault(tmp_path / "vault", {PSEUDONYM: source}).create_key(PSEUDONYM, WHEN)
    assert STRONG not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_key_service_that_does_not_answer_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcf_linkage.identifiable.vault.key_sources.KEY_SERVICE_SECONDS", 0.2)
    with pytest.raises(EnvironmentFault, match=r"gave no key within 0\.2 seconds"):
        Vault(tmp_path / "vault", {PSEUDONYM: command("import time; time.sleep(20)")}).create_key(PSEUDONYM, WHEN)


def test_a_key_known_under_another_id_is_refused_as_reused(vault: Vault, tmp_path: Path) -> None:
    key_file(vault, "pseudonym-2").write_bytes(key_file(vault).read_bytes())
    key_file(vault, "pseudonym-2").chmod(0o600)
    with pytest.raises(UsageError, match=r"in use already as pseudonym-1, made 2014-10-01; a key is never reused"):
        vault.prepare_key(PSEUDONYM)
    shared = tmp_path / "one.key"
    shared.write_text(STRONG)
    shared.chmod(0o600)
    both = Vault(tmp_path / "both", dict.fromkeys(KeyPurpose, KeySource("file", (str(shared),))))
    with pytest.raises(UsageError, match="in use already as pseudonym-1"):
        both.create_first_keys(WHEN)


def rotate_pseudonym_key(vault: Vault) -> None:
    vault.prepare_key(PSEUDONYM)
    vault.activate_key(PSEUDONYM, LATER)


def test_a_rotated_key_can_be_read_and_a_retired_one_is_deleted(vault: Vault) -> None:
    first = bytes(vault.current_key(PSEUDONYM))
    rotate_pseudonym_key(vault)
    assert vault.current_key(PSEUDONYM).name == "pseudonym-2"
    assert bytes(vault.key("pseudonym-1")) == first != bytes(vault.current_key(PSEUDONYM))
    assert [(entry.id, entry.state) for entry in vault.ring.entries] == [
        ("pseudonym-1", KeyState.ROTATED),
        ("register-1", KeyState.CURRENT),
        ("pseudonym-2", KeyState.CURRENT),
    ]
    vault.retire_key("pseudonym-1", LATER)
    assert not key_file(vault).exists()
    with pytest.raises(UsageError, match="pseudonym-1 was retired on 2015-04-01"):
        vault.key("pseudonym-1")
    assert vault.ring.entry("pseudonym-1").fingerprint == key_fingerprint(first)
    assert vault.ring.next_id(PSEUDONYM) == "pseudonym-3", "an id must never be used twice"


@pytest.mark.parametrize(
    ("key_id", "words"),
    [
        ("pseudonym-1", "is current and cannot be retired; rotate it first"),
        ("pseudonym-9", "no key pseudonym-9; there are pseudonym-1, register-1"),
        (STRONG, "no key of that name"),
    ],
)
def test_a_current_or_unknown_key_cannot_be_retired(vault: Vault, key_id: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refusal:
        vault.retire_key(key_id, LATER)
    assert STRONG not in str(refusal.value)


def test_an_interrupted_rotation_is_resumed(vault: Vault) -> None:
    prepared = vault.prepare_key(PSEUDONYM)
    assert vault.current_key(PSEUDONYM).name == "pseudonym-1", "a prepared key must not be in use yet"
    assert bytes(vault.prepare_key(PSEUDONYM)) == bytes(prepared)
    assert vault.activate_key(PSEUDONYM, LATER).id == "pseudonym-2"
    assert bytes(vault.current_key(PSEUDONYM)) == bytes(prepared)


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: keys.pop(0),
        lambda keys: keys.append(keys[0]),
        lambda keys: keys.reverse() or keys.append(dict(keys[0], version=2)),
        lambda keys: keys[0].update(version=2),
        lambda keys: keys[0].update(version=True),
        lambda keys: keys[0].update(purpose="love"),
        lambda keys: keys[0].update(fingerprint=keys[1]["fingerprint"]),
        lambda keys: keys[0].update(fingerprint="short"),
        lambda keys: keys[0].update(created="yesterday"),
        lambda keys: keys[0].update(created="2014-10-01T06:30:00"),
        lambda keys: keys[0].update(retired="2014-10-01T06:30:00+00:00"),
        lambda keys: keys[0].update(colour="green"),
        lambda keys: keys[0].pop("rotated"),
    ],
)
def test_a_changed_ring_file_is_refused(change: Callable[[list[dict[str, object]]], object], vault: Vault) -> None:
    rotate_pseudonym_key(vault)
    file = vault.folder / "keys" / "ring.json"
    document = json.loads(file.read_text())
    change(document["keys"])
    file.write_text(json.dumps(document))
    with pytest.raises(BcfError):
        assert (vault.current_key(PSEUDONYM), vault.key("pseudonym-1")) is None


def test_a_vault_and_a_context_show_no_key(vault: Vault) -> None:
    from pipelines.receive.receive import ReceiveContext
    from pipelines.receive.tokens import TokenCache

    secret = os.urandom(32)
    context = ReceiveContext("synthetic", WHEN.date(), TokenCache(Key(secret, "pseudonym-1")), None, None, None)  # type: ignore[arg-type]
    assert "key" not in repr(context)
    assert repr(secret) not in repr(context)
    secret = bytes(vault.current_key(PSEUDONYM)).hex()
    assert secret not in repr(vault) + str(dataclasses.asdict(vault)) + repr(vault.ring)
