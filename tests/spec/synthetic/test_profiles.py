"""Every figure of a locality profile states its source, and a profile with a mistake is refused."""

from __future__ import annotations

import re

import pytest

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.columns import PRACTICE
from bcf_linkage.definitions.errors import UsageError
from synthetic.profiles import FOLDER, load_profile, locality_names, parse_profile

LOCALITIES = ("castle_point_and_rochford", "durham", "southampton", "southend", "thurrock")
SOUTHAMPTON = (FOLDER / "southampton.toml").read_text(encoding="utf-8")


def test_there_is_a_profile_for_every_plan() -> None:
    assert locality_names() == LOCALITIES


@pytest.mark.parametrize("name", LOCALITIES)
def test_every_figure_has_a_source_or_is_assumed_with_a_reason(name: str) -> None:
    for figure in load_profile(name).figures:
        assert figure.source or figure.assumed
        assert figure.source is None or re.search(r"plan line \d+", figure.source)
        assert figure.assumed == bool(figure.reason)


@pytest.mark.parametrize("name", LOCALITIES)
def test_a_profile_is_consistent(name: str) -> None:
    profile = load_profile(name)
    assert set(profile.ethnic_shares) <= set(code_list("ethnic_category").codes)
    assert list(profile.deprivation_shares) == [1, 2, 3, 4, 5]
    assert {practice.cluster_code for practice in profile.practices} == {cluster.code for cluster in profile.clusters}
    codes = [practice.code for practice in profile.practices]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(PRACTICE.pattern, code) for code in codes)
    assert len({practice.name for practice in profile.practices}) == len(codes)
    assert all(0 < practice.weight <= 1 for practice in profile.practices)


@pytest.mark.parametrize(
    ("name", "population", "practices", "clusters", "coverage"),
    [
        ("southampton", 249_089, 33, 6, 0.83),
        ("southend", 183_000, 36, 4, 0.90),
        ("castle_point_and_rochford", 177_091, 28, 2, 0.15),
        ("thurrock", 167_946, 42, 4, 0.60),
        ("durham", 530_000, 72, 2, 0.75),
    ],
)
def test_profiles_have_the_figures_of_the_plans(name: str, population: int, practices: int, clusters: int, coverage: float) -> None:
    profile = load_profile(name)
    assert (profile.population, len(profile.practices), len(profile.clusters), profile.social_care_number_coverage) == (
        population,
        practices,
        clusters,
        coverage,
    )


def test_practices_of_a_cluster_differ_more_in_size_than_clusters() -> None:
    profile = load_profile("southampton")
    weights = {cluster.code: [p.weight for p in profile.practices if p.cluster_code == cluster.code] for cluster in profile.clusters}
    assert all(max(cluster_weights) > 2 * min(cluster_weights) for cluster_weights in weights.values())
    means = [sum(cluster_weights) / len(cluster_weights) for cluster_weights in weights.values()]
    assert max(means) < 1.5 * min(means)


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("title = {", 'nickname = { value = "x", source = "y" }\ntitle = {', "unknown figures: nickname"),
        ('source = "Southampton plan line 19" }', 'page = 3, source = "Southampton plan line 19" }', "figure council: unknown keys page"),
        ('value = "Southampton City Council", source = "Southampton plan line 19"', 'value = "Southampton City Council"', "figure council: give its source"),
        ('council = { value = "Southampton City Council", source = "Southampton plan line 19" }\n', "", "lacks figures: council"),
        ('council = { value = "Southampton City Council", source = "Southampton plan line 19" }', 'council = "x"', "figure council: write it as"),
        ('value = 0.494, assumed = true, reason = "', 'value = 0.494, source = "a", reason = "', "figure female_share: an assumed figure, and no other"),
        ("value = 0.83", "value = 1.83", "a share must be between 0 and 1"),
        ("A = 0.777", "A = 0.7", "figure ethnic_shares: the shares must sum to 1"),
        ("[6, 6, 6, 5, 5, 5]", "[6, 6]", "differ in length"),
        ("title = {", "title == {", "is not valid TOML"),
    ],
)
def test_a_mistake_is_refused_in_one_line(was: str, now: str, message: str) -> None:
    assert was in SOUTHAMPTON
    with pytest.raises(UsageError, match=re.escape(message)) as error:
        parse_profile("southampton", SOUTHAMPTON.replace(was, now, 1))
    assert "\n" not in str(error.value)
    assert "southampton" in str(error.value)


def test_an_unknown_locality_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no locality profile named atlantis; there are castle_point_and_rochford, durham"):
        load_profile("atlantis")
