"""Households: families with children, couples, people alone or sharing, care homes and hostels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from synthetic.people import People
from synthetic.rates import Booleans, Integers, figure
from synthetic.streams import stream
from synthetic.window import Window

CHILD_UNTIL, SIBLINGS_APART = 18, 290


@dataclass(frozen=True)
class Households:
    """For each person: the household, numbered from 0. Its head sets the address; the head of a family sets the family name.

    `head`, `named_after` and `mother` are positions of people: `named_after` is the person with the original of the family name,
    `mother` is -1 unless the mother lives in the household. `communal` is 1 for a care home, 2 for a hostel, else 0.
    """

    household: Integers
    head: Integers
    named_after: Integers
    mother: Integers
    communal: Integers


def form_households(people: People, window: Window, seed: int) -> tuple[People, Households]:
    """Return the people, with siblings' birthdays spaced apart, and their households. A person in no other household lives alone."""
    rng = stream(seed, "households")
    head = np.arange(len(people), dtype=np.int32)
    named_after, mother, born = head.copy(), np.full_like(head, -1), people.born.copy()
    unassigned = ~people.care_home & (people.age >= CHILD_UNTIL) & (people.end >= window.first)
    children = np.flatnonzero(people.age < CHILD_UNTIL)
    eldest, family = _group_siblings(rng, people, children, born)
    mothers = _choose_parents(rng, people, unassigned & people.female, len(eldest))
    with_father = np.sort(rng.choice(len(mothers), round(figure("households.father_at_home") * len(mothers)), replace=False))
    fathers = _choose_parents(rng, people, unassigned & ~people.female, len(with_father))
    _join_couples(rng, head, named_after, mothers[with_father[: len(fathers)]], fathers)
    if len(mothers):
        mother[children] = mothers[family % len(mothers)]
        head[children] = named_after[children] = head[mother[children]]
    unassigned[mothers] = unassigned[fathers] = False
    _form_couples(rng, people, unassigned, head, named_after)
    _form_shared_houses(rng, people, unassigned, head)
    communal = _form_communal_homes(rng, people, unassigned, head)
    number = np.unique(head, return_inverse=True)[1].astype(np.int32)
    return people.with_birth_days(born, window), Households(number, head, named_after, mother, communal)


def _group_siblings(rng: Generator, people: People, children: Integers, born: Integers) -> tuple[Integers, Integers]:
    """Return the eldest child of each family, oldest first, and the family of each child. Match siblings by age; make some twins."""
    second, third = figure("households.second_child"), figure("households.third_child")
    families = int(np.ceil(len(children) / (1 + second + third)))
    seniority = np.argsort(-(people.age[children] + rng.normal(0, 5, len(children))), kind="stable")
    ranks = np.split(children[seniority], [families, families + round(second * families)])
    eldest = ranks[0][np.argsort(people.born[ranks[0]], kind="stable")]
    family = np.full(len(people), -1, np.int32)
    family[eldest] = np.arange(len(eldest))
    for younger in ranks[1:]:
        chosen = np.sort(rng.choice(len(eldest), min(len(younger), len(eldest)), replace=False))
        younger = younger[np.argsort(people.born[younger] + rng.normal(0, 500, len(younger)), kind="stable")]
        family[younger] = chosen
        _space_births(rng, born, born[eldest[chosen]], younger, people.end[younger])
    return eldest, family[children]


def _space_births(rng: Generator, born: Integers, elder: Integers, younger: Integers, latest: Integers) -> None:
    """Give children born too soon after an elder sibling a later birthday. Make them twins if that day is after the person's last day here."""
    close = np.abs(born[younger] - elder) < SIBLINGS_APART
    later = elder + SIBLINGS_APART + rng.integers(30, 700, len(younger))
    twin = (rng.random(len(younger)) < figure("households.twins")) | (later > latest)
    born[younger] = np.where(close & (elder <= latest), np.where(twin, elder, later), born[younger])


def _choose_parents(rng: Generator, people: People, candidates: Booleans, count: int) -> Integers:
    """Choose one parent per family, the eldest first, from the candidates of an age to have children at home. May return fewer than `count`."""
    low, high = figure("households.mothers_youngest"), figure("households.mothers_oldest")
    chosen = rng.permutation(np.flatnonzero(candidates & (people.age >= low) & (people.age <= high)))[:count]
    return chosen[np.argsort(-people.age[chosen] + rng.normal(0, 2, len(chosen)), kind="stable")].astype(np.int32)


def _join_couples(rng: Generator, head: Integers, named_after: Integers, women: Integers, men: Integers) -> None:
    """Put couples in one household with the man as head. Most couples share a family name."""
    same = rng.random(len(women)) < figure("households.couple_same_name")
    head[women] = men
    named_after[women] = np.where(same, men, women)


def _form_couples(rng: Generator, people: People, unassigned: Booleans, head: Integers, named_after: Integers) -> None:
    """Pair women and men of similar age among the adults who are still unassigned."""
    adults_by_sex = []
    for sex in (True, False):
        adults = np.flatnonzero(unassigned & (people.female == sex) & (people.age >= 25))
        adults = rng.permutation(adults)[: round(figure("households.couple") * len(adults))]
        adults_by_sex.append(adults)
    pairs = min(map(len, adults_by_sex))
    women, men = (side[:pairs][np.argsort(people.age[side[:pairs]] + rng.normal(0, 2, pairs), kind="stable")] for side in adults_by_sex)
    unassigned[women] = unassigned[men] = False
    _join_couples(rng, head, named_after, women, men)


def _form_shared_houses(rng: Generator, people: People, unassigned: Booleans, head: Integers) -> None:
    """Put a share of young adults in houses of four; each keeps their own family name."""
    young = np.flatnonzero(unassigned & (people.age < 25))
    young = rng.permutation(young)[: round(figure("households.sharing") * len(young)) // 4 * 4]
    head[young] = np.repeat(young[::4], 4)
    unassigned[young] = False


def _form_communal_homes(rng: Generator, people: People, unassigned: Booleans, head: Integers) -> Integers:
    """Put care home residents in care homes and a small share of other adults in hostels."""
    hostel = unassigned & (rng.random(len(people)) < figure("households.hostel"))
    size = round(figure("households.care_home_size"))
    for residents in (people.care_home, hostel):
        members = rng.permutation(np.flatnonzero(residents))
        head[members] = members[np.arange(len(members)) // size * size]
    return np.where(people.care_home, 1, np.where(hostel, 2, 0)).astype(np.int32)
