"""The settings of a synthetic workspace are read as intended."""

from __future__ import annotations

from pathlib import Path

import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from pipelines.workspace import gates
from pipelines.workspace.audit_log import today
from pipelines.workspace.settings import read_settings
from synthetic.locality_toml import render_settings
from synthetic.profiles import load_profile, locality_names


@pytest.mark.parametrize("name", locality_names())
def test_the_settings_reader_takes_every_profile(name: str, tmp_path: Path) -> None:
    profile = load_profile(name)
    (tmp_path / "locality.toml").write_text(render_settings(profile), encoding="utf-8")
    settings = read_settings(tmp_path)
    assert (settings.name, settings.code, settings.kind, settings.council) == (profile.title, profile.code, "synthetic", profile.council)
    assert [code for cluster in settings.clusters for code, _ in cluster.practices] == [practice.code for practice in profile.practices]
    assert set(settings.sources) == set(EXTRACTS)
    assert all(decision.passed for decision in gates.check_agreements(settings, today()))
    assert settings.reidentification.keys() == {profile.practices[0].code}, "one practice may ask, so that it can be tried out"


def test_a_council_with_few_numbers_has_an_exception_with_owner_and_reason(tmp_path: Path) -> None:
    (tmp_path / "locality.toml").write_text(render_settings(load_profile("castle_point_and_rochford")), encoding="utf-8")
    tolerance = read_settings(tmp_path).tolerances["adult_social_care", "nhs_number: required"]
    assert tolerance.percent == 95
    assert "Essex County Council" in tolerance.owner
    assert "15%" in tolerance.reason
