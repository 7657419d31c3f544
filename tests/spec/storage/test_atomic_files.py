"""A file is there whole or not at all, with its mode, and no temporary file is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bcf_linkage.definitions.atomic_files import remove_if_present, replace_atomically, write_bytes_atomically


class StopError(Exception):
    """What stops a write."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_half(path: Path) -> None:
    with replace_atomically(path, mode=0o600) as temporary:
        temporary.write_bytes(b"half")
        raise StopError


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_has_its_mode_before_its_content(mode: int, tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with replace_atomically(tmp_path / "a", mode=mode) as temporary:
            assert temporary.stat().st_mode & 0o777 == mode & ~0o002
            temporary.write_bytes(b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode & ~0o002
    assert names(tmp_path) == ["a"]


def test_an_error_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(StopError):
        write_half(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_file_that_exists_is_not_replaced_unless_that_is_asked_for(tmp_path: Path) -> None:
    write_bytes_atomically(tmp_path / "a", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_bytes_atomically(tmp_path / "a", b"second", replace=False)
    assert (tmp_path / "a").read_bytes() == b"first"
    write_bytes_atomically(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"second"
    assert names(tmp_path) == ["a"]


def test_a_folder_and_a_link_are_replaced_too(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with replace_atomically(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
        with replace_atomically(tmp_path / "link") as temporary:
            temporary.symlink_to(content)
    assert names(tmp_path / "folder") == ["second"]
    assert str((tmp_path / "link").readlink()) == "second"
    assert names(tmp_path) == ["folder", "link"]


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    remove_if_present(tmp_path / "link")
    remove_if_present(tmp_path / "missing")
    assert names(tmp_path) == ["folder"]
