"""Every figure of a locality profile says where it comes from, and a profile with a mistake in it is refused."""

from __future__ import annotations

import re

import pytest

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.columns import PRACTICE
from bcf_linkage.definitions.errors import RequestRefused
from synthetic.profiles import FOLDER, load, names, parse

LOCALITIES = ("castle_point_and_rochford", "durham", "southampton", "southend", "thurrock")
SOUTHAMPTON = (FOLDER / "southampton.toml").read_text(encoding="utf-8")


def test_there_is_a_profile_for_every_plan() -> None:
    assert names() == LOCALITIES


@pytest.mark.parametrize("name", LOCALITIES)
def test_every_figure_has_a_source_or_is_assumed_with_a_reason(name: str) -> None:
    for figure in load(name).figures:
        assert figure.source or figure.assumed
        assert figure.source is None or re.search(r"plan line \d+", figure.source)
        assert figure.assumed == bool(figure.reason)


@pytest.mark.parametrize("name", LOCALITIES)
def test_a_profile_holds_together(name: str) -> None:
    profile = load(name)
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
def test_the_figures_of_the_plans(name: str, population: int, practices: int, clusters: int, coverage: float) -> None:
    profile = load(name)
    assert (profile.population, len(profile.practices), len(profile.clusters), profile.social_care_number_coverage) == (
        population,
        practices,
        clusters,
        coverage,
    )


def test_practices_of_one_cluster_differ_in_size_and_clusters_do_not_much() -> None:
    profile = load("southampton")
    weights = {cluster.code: [p.weight for p in profile.practices if p.cluster_code == cluster.code] for cluster in profile.clusters}
    assert all(max(each) > 2 * min(each) for each in weights.values())
    means = [sum(each) / len(each) for each in weights.values()]
    assert max(means) < 1.5 * min(means)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("title = {", 'nickname = { value = "x", source = "y" }\ntitle = {', "unknown figures: nickname"),
        ('source = "Southampton plan line 19" }', 'page = 3, source = "Southampton plan line 19" }', "figure council: unknown keys page"),
        ('value = "Southampton City Council", source = "Southampton plan line 19"', 'value = "Southampton City Council"', "figure council: give its source"),
        ('council = { value = "Southampton City Council", source = "Southampton plan line 19" }\n', "", "lacks figures: council"),
        ('council = { value = "Southampton City Council", source = "Southampton plan line 19" }', 'council = "x"', "figure council: write it as"),
        ('value = 0.494, assumed = true, reason = "', 'value = 0.494, source = "a", reason = "', "figure female_share: an assumed figure, and no other"),
        ("value = 0.83", "value = 1.83", "a share lies between 0 and 1"),
        ("A = 0.777", "A = 0.7", "figure ethnic_shares: the shares must sum to 1"),
        ("[6, 6, 6, 5, 5, 5]", "[6, 6]", "differ in length"),
        ("title = {", "title == {", "is not valid TOML"),
    ],
)
def test_a_mistake_is_refused_in_one_line(was: str, now: str, said: str) -> None:
    assert was in SOUTHAMPTON
    with pytest.raises(RequestRefused, match=re.escape(said)) as refused:
        parse("southampton", SOUTHAMPTON.replace(was, now, 1))
    assert "\n" not in str(refused.value)
    assert "southampton" in str(refused.value)


def test_an_unknown_locality_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestRefused, match=r"no locality profile named atlantis; there are castle_point_and_rochford, durham"):
        load("atlantis")
