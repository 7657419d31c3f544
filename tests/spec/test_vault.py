"""Keys: made whole or not at all, their owner's alone, fetched from where the site keeps them, and refused when they will not do."""

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

from bcf_linkage.definitions.errors import EnvironmentRefused, Refusal, RequestRefused
from bcf_linkage.identifiable.vault import Key, Purpose, Source, State, Vault, fingerprint
from bcf_linkage.identifiable.vault.key import weakness

WHEN = datetime(2014, 10, 1, 6, 30, tzinfo=UTC)
LATER = datetime(2015, 4, 1, 6, 30, tzinfo=UTC)
STRONG = "f3a8" + "".join(f"{(n * 73 + n * n * 11) % 256:02x}" for n in range(30))
PSEUDONYM, REGISTER = Purpose.PSEUDONYM, Purpose.REGISTER


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault with the first key of every purpose."""
    made = Vault(tmp_path / "vault")
    made.begin(WHEN)
    return made


def key_file(vault: Vault, key_id: str = "pseudonym-1") -> Path:
    return vault.folder / "keys" / f"{key_id}.key"


def test_new_keys_are_32_random_bytes_each_for_their_owner_alone(vault: Vault, tmp_path: Path) -> None:
    files = sorted(path.name for path in (vault.folder / "keys").iterdir())
    assert files == ["pseudonym-1.key", "register-1.key", "ring.json"]
    assert {path.stat().st_mode & 0o777 for path in (vault.folder / "keys").iterdir()} == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in (vault.folder, vault.folder / "keys")} == {0o700}
    another = Vault(tmp_path / "another")
    another.begin(WHEN)
    keys = {bytes(each.current(purpose)) for each in (vault, another) for purpose in Purpose}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}


def test_the_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        vault = Vault(tmp_path / "vault")
        vault.begin(WHEN)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in vault.folder.rglob("*")} == {0}


def test_a_key_is_never_replaced_unasked(vault: Vault) -> None:
    before = key_file(vault).read_bytes()
    with pytest.raises(RequestRefused, match="there is a pseudonym key already, pseudonym-1"):
        vault.begin(LATER)
    assert key_file(vault).read_bytes() == before


def test_a_key_is_never_shown_pickled_or_copied(vault: Vault) -> None:
    key = vault.current(PSEUDONYM)
    secret = bytes(key).hex()
    shown = [str(key), repr(key), f"{key}", f"{key!r:>90}", repr([key]), repr({"key": key})]
    assert all(secret not in text and repr(bytes(key)) not in text for text in shown)
    assert "Key(pseudonym-1, withheld)" in shown[0]
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
def test_a_key_that_will_not_do_is_refused_and_not_told(content: str, mode: int, words: str, tmp_path: Path) -> None:
    file = tmp_path / "own.key"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    vault = Vault(tmp_path / "vault", {PSEUDONYM: Source("file", (str(file),))})
    if not words:
        assert vault.new(PSEUDONYM, WHEN).id == "pseudonym-1"
        return
    with pytest.raises(EnvironmentRefused, match=words) as refusal:
        vault.new(PSEUDONYM, WHEN)
    assert not content or content not in str(refusal.value)
    assert vault.ring.entries == ()


def test_random_bytes_are_never_taken_for_weak() -> None:
    assert not any(weakness(os.urandom(32)) for _ in range(2_000))


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
        (lambda file: file.unlink(), "there is no key; bring it back"),
        (lambda file: file.chmod(0o604), "others than its owner may read it"),
        (lambda file: file.write_text(STRONG), "is not the key that pseudonym-1 has been"),
        (lambda file: file.with_name("register-1.key").replace(file), "is not the key that pseudonym-1 has been"),
        (linked, "cannot be read"),
        (folder_open, "others may put another key there"),
        (a_folder, "is no file|others than its owner"),
        (lambda file: file.with_name("ring.json").unlink(), "there is no pseudonym key"),
        (lambda file: file.with_name("ring.json").write_text("{}"), "is not as it was written"),
    ],
)
def test_a_key_that_is_not_as_it_was_is_refused_in_one_line(how: Callable[[Path], object], words: str, vault: Vault) -> None:
    secret = key_file(vault).read_text().strip()
    how(key_file(vault))
    with pytest.raises(EnvironmentRefused, match=words) as refusal:
        vault.current(PSEUDONYM)
    assert "\n" not in str(refusal.value)
    assert secret not in str(refusal.value)


def test_a_vault_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentRefused, match=r"cannot be written|cannot be read"):
        Vault(tmp_path).begin(WHEN)


def test_a_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(tmp_path / "vault", {PSEUDONYM: Source("environment", ("SITE_{id}",))})
    with pytest.raises(EnvironmentRefused, match="environment variable SITE_PSEUDONYM_1: is not set"):
        vault.new(PSEUDONYM, WHEN)
    monkeypatch.setenv("SITE_PSEUDONYM_1", STRONG)
    entry = vault.new(PSEUDONYM, WHEN)
    assert bytes(vault.current(PSEUDONYM)).hex() == STRONG
    assert entry.fingerprint == fingerprint(bytes.fromhex(STRONG))
    assert [path.name for path in (vault.folder / "keys").iterdir()] == ["ring.json"]
    assert STRONG not in (vault.folder / "keys" / "ring.json").read_text()


def command(code: str) -> Source:
    return Source("command", (sys.executable, "-c", code, "{id}"))


def test_a_key_may_come_from_the_sites_own_key_service(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", {PSEUDONYM: command(f"import sys; assert sys.argv[1] == 'pseudonym-1'; print('{STRONG}')")})
    vault.new(PSEUDONYM, WHEN)
    assert bytes(vault.current(PSEUDONYM)).hex() == STRONG


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (command(f"import sys; print('{STRONG}'); sys.exit(3)"), "ended with exit code 3 and no key"),
        (command(f"import sys; sys.stderr.write('{STRONG}'); sys.exit(1)"), "ended with exit code 1 and no key"),
        (command("print('not a key')"), "is not a key in hexadecimal"),
        (command("print('ab' * 100000)"), "not a whole key|not a key"),
        (command("pass"), "not a whole key"),
        (Source("command", ("/no/such/program", STRONG)), "cannot be run"),
    ],
)
def test_a_key_service_that_fails_is_told_without_what_it_said(source: Source, words: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefused, match=words) as refusal:
        Vault(tmp_path / "vault", {PSEUDONYM: source}).new(PSEUDONYM, WHEN)
    assert STRONG not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_key_service_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcf_linkage.identifiable.vault.sources.SECONDS", 0.2)
    with pytest.raises(EnvironmentRefused, match=r"gave no key within 0\.2 seconds"):
        Vault(tmp_path / "vault", {PSEUDONYM: command("import time; time.sleep(20)")}).new(PSEUDONYM, WHEN)


def test_a_key_known_under_another_id_is_refused_as_reused(vault: Vault, tmp_path: Path) -> None:
    key_file(vault, "pseudonym-2").write_bytes(key_file(vault).read_bytes())
    key_file(vault, "pseudonym-2").chmod(0o600)
    with pytest.raises(RequestRefused, match=r"in use already as pseudonym-1, made 2014-10-01; a key is never reused"):
        vault.prepare(PSEUDONYM)
    shared = tmp_path / "one.key"
    shared.write_text(STRONG)
    shared.chmod(0o600)
    both = Vault(tmp_path / "both", dict.fromkeys(Purpose, Source("file", (str(shared),))))
    with pytest.raises(RequestRefused, match="in use already as pseudonym-1"):
        both.begin(WHEN)


def rotated(vault: Vault) -> None:
    vault.prepare(PSEUDONYM)
    vault.turn(PSEUDONYM, LATER)


def test_a_rotated_key_is_read_with_and_a_retired_one_is_gone(vault: Vault) -> None:
    first = bytes(vault.current(PSEUDONYM))
    rotated(vault)
    assert vault.current(PSEUDONYM).name == "pseudonym-2"
    assert bytes(vault.key("pseudonym-1")) == first != bytes(vault.current(PSEUDONYM))
    assert [(entry.id, entry.state) for entry in vault.ring.entries] == [
        ("pseudonym-1", State.ROTATED),
        ("register-1", State.CURRENT),
        ("pseudonym-2", State.CURRENT),
    ]
    vault.retire("pseudonym-1", LATER)
    assert not key_file(vault).exists()
    with pytest.raises(RequestRefused, match="pseudonym-1 was retired on 2015-04-01"):
        vault.key("pseudonym-1")
    assert vault.ring.entry("pseudonym-1").fingerprint == fingerprint(first)
    assert vault.ring.next_id(PSEUDONYM) == "pseudonym-3", "an id is never given twice"


@pytest.mark.parametrize(
    ("key_id", "words"),
    [
        ("pseudonym-1", "is current and cannot be retired; rotate it first"),
        ("pseudonym-9", "no key pseudonym-9; there are pseudonym-1, register-1"),
        (STRONG, "no key of that name"),
    ],
)
def test_what_cannot_be_retired(vault: Vault, key_id: str, words: str) -> None:
    with pytest.raises(RequestRefused, match=words) as refusal:
        vault.retire(key_id, LATER)
    assert STRONG not in str(refusal.value)


def test_an_attempt_that_was_stopped_is_taken_up_again(vault: Vault) -> None:
    prepared = vault.prepare(PSEUDONYM)
    assert vault.current(PSEUDONYM).name == "pseudonym-1", "prepared is not yet in use"
    assert bytes(vault.prepare(PSEUDONYM)) == bytes(prepared)
    assert vault.turn(PSEUDONYM, LATER).id == "pseudonym-2"
    assert bytes(vault.current(PSEUDONYM)) == bytes(prepared)


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
def test_a_list_of_keys_that_somebody_changed_is_refused(change: Callable[[list[dict[str, object]]], object], vault: Vault) -> None:
    rotated(vault)
    file = vault.folder / "keys" / "ring.json"
    document = json.loads(file.read_text())
    change(document["keys"])
    file.write_text(json.dumps(document))
    with pytest.raises(Refusal):
        assert (vault.current(PSEUDONYM), vault.key("pseudonym-1")) is None


def test_a_vault_and_a_context_show_no_key(vault: Vault) -> None:
    from pipelines.receive import ReceiveContext
    from pipelines.tokens import Tokens

    secret = os.urandom(32)
    context = ReceiveContext("synthetic", WHEN.date(), Tokens(Key(secret, "pseudonym-1")), None, None, None)  # type: ignore[arg-type]
    assert "key" not in repr(context)
    assert repr(secret) not in repr(context)
    secret = bytes(vault.current(PSEUDONYM)).hex()
    assert secret not in repr(vault) + str(dataclasses.asdict(vault)) + repr(vault.ring)
