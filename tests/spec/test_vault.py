"""The key: made whole or not at all, its owner's alone, and refused when it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.identifiable.vault import create_key, key_file, read_key


def test_a_new_key_is_32_random_bytes_for_its_owner_alone(tmp_path: Path) -> None:
    file = create_key(tmp_path / "vault")
    assert file == key_file(tmp_path / "vault")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    assert len(read_key(tmp_path / "vault")) == 32
    assert [path.name for path in file.parent.iterdir()] == ["pseudonym.key"]
    create_key(tmp_path / "another")
    assert read_key(tmp_path / "another") != read_key(tmp_path / "vault")


def test_the_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = create_key(tmp_path)
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    key = create_key(tmp_path).read_bytes()
    with pytest.raises(RequestRefused, match="there is a key already"):
        create_key(tmp_path)
    assert key_file(tmp_path).read_bytes() == key
    assert len(list(key_file(tmp_path).parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("", 0o600, "not a whole key of 32 bytes"),
        ("00" * 31, 0o600, "not a whole key of 32 bytes"),
        ("00" * 33, 0o600, "not a whole key of 32 bytes"),
        ("zz" * 32, 0o600, "not a whole key of 32 bytes"),
        ("é" * 32, 0o600, "cannot be read"),
        ("00" * 32, 0o644, "mode 644"),
        ("00" * 32, 0o640, "mode 640"),
        ("00" * 32, 0o602, "mode 602"),
    ],
)
def test_a_key_that_is_not_whole_or_not_private_is_refused_and_not_told(content: str, mode: int, words: str, tmp_path: Path) -> None:
    file = key_file(tmp_path)
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(EnvironmentRefused, match=words) as refusal:
        read_key(tmp_path)
    assert not content or content not in str(refusal.value)


def test_a_missing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefused, match="there is no key"):
        read_key(tmp_path)


def test_a_vault_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentRefused, match="cannot be written"):
        create_key(tmp_path)
