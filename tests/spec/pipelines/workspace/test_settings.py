"""`locality.toml`: what is read, and what is refused with which words."""

import re
from datetime import date
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import UsageError
from pipelines.workspace.new_workspace import create_workspace
from pipelines.workspace.settings import SourceSettings, read_settings
from pipelines.workspace.sharing_settings import Agreement, OptOutSettings

GOOD = """
[locality]
name = "Anytown"
code = "00X"
kind = "synthetic"
council = "Anytown Council"
hospital = "Anytown General"
[lookups]
postcodes = "lookups/postcodes.csv"
[disclosure]
profile = "hes7r5"
[[clusters]]
code = "C1"
name = "Central"
practices = [{ code = "Z00001", name = "One" }, { code = "Z00002", name = "Two" }]
[sources.gp_registrations]
supplier = "practices"
agreement = "DSA-1"
parties = ["practices", "Anytown"]
purposes = ["risk stratification"]
data_sets = ["gp_registrations"]
legal_basis = "section 251"
valid_from = 2014-04-01
valid_to = 2015-03-31
[gate.gp_registrations]
"sex: one_of" = { tolerance_percent = 5, owner = "analyst", reason = "old codes" }
"""


def write(folder: Path, text: str) -> Path:
    (folder / "locality.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_good_file_is_read(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, GOOD))
    assert settings.name == "Anytown"
    assert settings.postcodes == tmp_path / "lookups" / "postcodes.csv"
    assert settings.clusters[0].practices == (("Z00001", "One"), ("Z00002", "Two"))
    agreed = Agreement("DSA-1", ("practices", "Anytown"), ("risk stratification",), ("gp_registrations",), "section 251", date(2014, 4, 1), date(2015, 3, 31))
    assert settings.sources["gp_registrations"] == SourceSettings("practices", agreed)
    assert (settings.purpose, settings.opt_outs) == ("risk stratification", OptOutSettings())
    assert settings.tolerances["gp_registrations", "sex: one_of"].percent == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "Anytown"\n', "", "[locality] has no name; add it"),
        ('code = "00X"', "code = 7", "[locality] code must be text in quotes"),
        ('code = "00X"', 'code = " "', "[locality] code is empty; fill it in"),
        ('kind = "synthetic"', 'kind = "real"', "[locality] kind must be synthetic or live"),
        ('council = "', 'mayor = "M"\ncouncil = "', "[locality] has the unknown key mayor; remove it"),
        ("[lookups]", "[lookup]", "[top level] has no lookups; add it"),
        ("[disclosure]", "[extra]\n[disclosure]", "[top level] has the unknown key extra; remove it"),
        ('code = "Z00002"', 'code = "Z00001"', "[[clusters]] names practice Z00001 more than once"),
        ("[sources.gp_registrations]", "[sources.gp_register]", "[sources.gp_register] is not an extract; the extracts are gp_registrations"),
        ("[sources.gp_registrations]", "[sources.gp_events]", "[sources] has no gp_registrations"),
        ("valid_to = 2015-03-31", 'valid_to = "2015-03-31"', "[sources.gp_registrations] valid_to must be a date"),
        ("valid_to = 2015-03-31", "valid_to = 2015-03-31T00:00:00", "[sources.gp_registrations] valid_to must be a date"),
        ('parties = ["practices", "Anytown"]\n', "", "[sources.gp_registrations] has no parties; add it"),
        ('purposes = ["risk stratification"]', "purposes = []", "[sources.gp_registrations] purposes must be a list of texts"),
        ('data_sets = ["gp_registrations"]', 'data_sets = "gp_registrations"', "[sources.gp_registrations] data_sets must be a list"),
        ("[lookups]", '[opt_outs]\nmailbox = "../x"\n[lookups]', "[opt_outs] mailbox is not the name of a MESH mailbox"),
        ("[lookups]", "[opt_outs]\nlocal_objections = 1\n[lookups]", "[opt_outs] local_objections must be true or false"),
        ("tolerance_percent = 5", "tolerance_percent = true", "tolerance_percent must be a number"),
        ("[locality]", "[locality", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError, match=re.escape(words)):
        read_settings(write(tmp_path, GOOD.replace(old, new, 1)))


def test_a_folder_without_settings_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bcf init"):
        read_settings(tmp_path)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locality.toml").write_bytes(GOOD.replace("Anytown", "Wörth").encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8"):
        read_settings(tmp_path)


def test_what_init_writes_can_be_read_and_is_never_written_over(tmp_path: Path) -> None:
    create_workspace(tmp_path / "new")
    assert read_settings(tmp_path / "new").kind == "live"
    with pytest.raises(UsageError, match="a workspace already"):
        create_workspace(tmp_path / "new")
