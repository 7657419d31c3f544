"""The settings of a synthetic workspace are read as they are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from pipelines import gates
from pipelines.recording import today
from pipelines.settings import read_settings
from synthetic.locality_toml import render
from synthetic.profiles import load, names


@pytest.mark.parametrize("name", names())
def test_the_settings_reader_takes_every_profile(name: str, tmp_path: Path) -> None:
    profile = load(name)
    (tmp_path / "locality.toml").write_text(render(profile), encoding="utf-8")
    settings = read_settings(tmp_path)
    assert (settings.name, settings.code, settings.kind, settings.council) == (profile.title, profile.code, "synthetic", profile.council)
    assert [code for cluster in settings.clusters for code, _ in cluster.practices] == [practice.code for practice in profile.practices]
    assert set(settings.sources) == set(EXTRACTS)
    assert all(decision.passed for decision in gates.agreements(settings, today()))
    assert settings.reidentification.keys() == {profile.practices[0].code}, "one practice may ask, so that it can be tried out"


def test_a_council_that_cannot_use_the_number_yet_has_an_exception_with_an_owner_and_a_reason(tmp_path: Path) -> None:
    (tmp_path / "locality.toml").write_text(render(load("castle_point_and_rochford")), encoding="utf-8")
    tolerance = read_settings(tmp_path).tolerances["adult_social_care", "nhs_number: required"]
    assert tolerance.percent == 95
    assert "Essex County Council" in tolerance.owner
    assert "15%" in tolerance.reason
