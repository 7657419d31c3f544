"""Who lives with whom: families with children, couples, people alone or sharing, care homes and hostels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from synthetic.people import People
from synthetic.rates import Integers, Truths, figure
from synthetic.streams import stream
from synthetic.window import Window

CHILD_UNTIL, SIBLINGS_APART = 18, 290


@dataclass(frozen=True)
class Households:
    """For each person: the household, by number from 0, whose head gives it its address and its family its name.

    `head` is a person's position. `named_after` is the person whose family name one bears, `mother` one's mother if she lives
    there, else -1. `communal` is 1 for a care home, 2 for a hostel, 0 for a home of one's own.
    """

    household: Integers
    head: Integers
    named_after: Integers
    mother: Integers
    communal: Integers


def form(people: People, window: Window, seed: int) -> tuple[People, Households]:
    """Households of all people, and the people with the birthdays of siblings set apart. Whoever no household claims lives alone."""
    rng = stream(seed, "households")
    head = np.arange(len(people), dtype=np.int32)
    named_after, mother, born = head.copy(), np.full_like(head, -1), people.born.copy()
    free = ~people.care_home & (people.age >= CHILD_UNTIL) & (people.end >= window.first)
    children = np.flatnonzero(people.age < CHILD_UNTIL)
    eldest, family = _siblings(rng, people, children, born)
    mothers = _parents(rng, people, free & people.female, len(eldest))
    with_father = np.sort(rng.choice(len(mothers), round(figure("households.father_at_home") * len(mothers)), replace=False))
    fathers = _parents(rng, people, free & ~people.female, len(with_father))
    _move_in(rng, head, named_after, mothers[with_father[: len(fathers)]], fathers)
    if len(mothers):
        mother[children] = mothers[family % len(mothers)]
        head[children] = named_after[children] = head[mother[children]]
    free[mothers] = free[fathers] = False
    _couples(rng, people, free, head, named_after)
    _sharers(rng, people, free, head)
    communal = _communal(rng, people, free, head)
    number = np.unique(head, return_inverse=True)[1].astype(np.int32)
    return people.born_on(born, window), Households(number, head, named_after, mother, communal)


def _siblings(rng: Generator, people: People, children: Integers, born: Integers) -> tuple[Integers, Integers]:
    """The eldest child of each family, oldest first, and for each child its family. Siblings are matched by age; some prove to be twins."""
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
        _space_out(rng, born, born[eldest[chosen]], younger, people.end[younger])
    return eldest, family[children]


def _space_out(rng: Generator, born: Integers, elder: Integers, younger: Integers, latest: Integers) -> None:
    """Give children born impossibly close to an elder sibling a later birthday, or the same one, while they lived here to have it."""
    close = np.abs(born[younger] - elder) < SIBLINGS_APART
    later = elder + SIBLINGS_APART + rng.integers(30, 700, len(younger))
    twin = (rng.random(len(younger)) < figure("households.twins")) | (later > latest)
    born[younger] = np.where(close & (elder <= latest), np.where(twin, elder, later), born[younger])


def _parents(rng: Generator, people: People, candidates: Truths, count: int) -> Integers:
    """One parent for each of so many families, the eldest first: as many as are of an age to have children at home."""
    low, high = figure("households.mothers_youngest"), figure("households.mothers_oldest")
    chosen = rng.permutation(np.flatnonzero(candidates & (people.age >= low) & (people.age <= high)))[:count]
    return chosen[np.argsort(-people.age[chosen] + rng.normal(0, 2, len(chosen)), kind="stable")].astype(np.int32)


def _move_in(rng: Generator, head: Integers, named_after: Integers, women: Integers, men: Integers) -> None:
    """Couples under one roof, the man as its head, most with one family name."""
    same = rng.random(len(women)) < figure("households.couple_same_name")
    head[women] = men
    named_after[women] = np.where(same, men, women)


def _couples(rng: Generator, people: People, free: Truths, head: Integers, named_after: Integers) -> None:
    """Pair women and men of like age among those who are still free."""
    sides = []
    for sex in (True, False):
        adults = np.flatnonzero(free & (people.female == sex) & (people.age >= 25))
        adults = rng.permutation(adults)[: round(figure("households.couple") * len(adults))]
        sides.append(adults)
    pairs = min(map(len, sides))
    women, men = (side[:pairs][np.argsort(people.age[side[:pairs]] + rng.normal(0, 2, pairs), kind="stable")] for side in sides)
    free[women] = free[men] = False
    _move_in(rng, head, named_after, women, men)


def _sharers(rng: Generator, people: People, free: Truths, head: Integers) -> None:
    """Young adults share houses of four, each with a name of their own."""
    young = np.flatnonzero(free & (people.age < 25))
    young = rng.permutation(young)[: round(figure("households.sharing") * len(young)) // 4 * 4]
    head[young] = np.repeat(young[::4], 4)
    free[young] = False


def _communal(rng: Generator, people: People, free: Truths, head: Integers) -> Integers:
    """Gather care home residents, and a few other adults into hostels."""
    hostel = free & (rng.random(len(people)) < figure("households.hostel"))
    size = round(figure("households.care_home_size"))
    for residents in (people.care_home, hostel):
        members = rng.permutation(np.flatnonzero(residents))
        head[members] = members[np.arange(len(members)) // size * size]
    return np.where(people.care_home, 1, np.where(hostel, 2, 0)).astype(np.int32)
