"""What binds the counts on linkage together besides the tree in which they stand: a reader of the tables can work it out as we can."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from bcf_linkage.definitions.extracts.adult_social_care import CARE_HOMES
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.trace_reasons import trace_reasons
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.linkage_quality.assessment import READ_BY_THE_SUMMARY
from bcf_linkage.published.linkage_quality.flow import REASON
from bcf_linkage.published.linkage_quality.match import CROSSED, ELSEWHERE, NOT_RECORDED, NUMBER_STATUS
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, REGISTER

Row = Mapping[str, Any]
Parts = tuple[str, list[str]]

SUPERSEDED = ("superseded", "superseded_number")
SAME_RESTS = (("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"),)
"""Who was not missed was found, and so was who was linked and not wrongly."""

LINKED_AGAIN = ("links_kept", "links_found", "links_moved")
"""Clients who are linked, of those who were there before."""

ALIKE = (("holdout", "decoys"), ("not_registered", "number_not_listed"))
"""Figures that count the same records under two names."""

PARTS = (("overlapping_stays", "stays_at_two_hospitals"), ("stays_linked", "long_stays_linked"))
"""Figures of which the second counts some of what the first does."""


class Nodes:
    """Nodes of exact counts on linkage, looked up by measure, source, kind of group and group."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.by_place: dict[tuple[str, str, str, str], str] = {}
        self.groups: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
        for row in rows:
            place = (row["measure"], row["area_code"], row["group_type"])
            self.by_place[*place, row["group"]] = self.groups[place][row["group"]] = row["node"]
        self.areas = sorted({row["area_code"] for row in rows})

    def whole(self, measure: str, area: str) -> str:
        """The node of a figure of a whole source; blank if it was not counted."""
        return self.by_place.get((measure, area, ALL, ALL), "")

    def own_practices(self, measure: str, area: str) -> list[str]:
        """The nodes of a figure by practice, those of the locality."""
        return [node for group, node in self.groups[measure, area, "practice"].items() if group not in (ELSEWHERE, NOT_RECORDED)]


def within(rows: Sequence[Row], rules: QualityRules) -> list[Parts]:
    """Exact counts on linkage -> each node that others lie apart in, or add up to, and those others."""
    nodes = Nodes(rows)
    made_up, together = ({figure.code for figure in rules.figures if getattr(figure, kind)} for kind in ("truth", "grouped_together"))
    found = [*_of_all_sources(nodes, made_up, together)]
    for area in nodes.areas:
        found += _of_source(nodes, area, rules)
    return [(whole, parts) for whole, parts in found if whole and parts]


def same_rests(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """Exact counts on linkage -> a whole, its part, another whole and its part, where what is left of each whole is the same."""
    nodes = Nodes(rows)
    places = [(first, place) for first, *place in nodes.by_place]
    fours = [
        tuple(nodes.by_place.get((measure, area, kind, group), "") for measure in four)
        for four in SAME_RESTS
        for first, (area, kind, group) in places
        if first == four[0]
    ]
    return [(a, b, c, d) for a, b, c, d in fours if a and b and c and d]


def spoken_of(rows: Sequence[Row]) -> frozenset[str]:
    """The nodes of which the plain summary tells whether they are small, where they are suppressed."""
    return frozenset(
        row["node"] for row in rows if row["measure"] in READ_BY_THE_SUMMARY and row["group_type"] == ALL and row["area_code"] not in (EVERYWHERE, REGISTER)
    )


def _of_all_sources(nodes: Nodes, made_up: Set[str], together: Set[str]) -> Iterator[Parts]:
    """What is told of all sources adds up from what is told of each. The truth is known of made-up people alone, of whom anything may be told."""
    sources = [area for area in nodes.areas if area not in (EVERYWHERE, REGISTER)]
    for (measure, area, group_type, group), whole in nodes.by_place.items():
        if area == EVERYWHERE and measure not in made_up:
            places = ((measure, source, group_type, group) for source in sources)
            yield whole, [nodes.by_place[place] for place in places if place in nodes.by_place]
    for (measure, area, group_type), groups in nodes.groups.items():
        if area == EVERYWHERE and measure in together and group_type != ALL:
            yield nodes.whole(measure, area), list(groups.values())


def _of_source(nodes: Nodes, area: str, rules: QualityRules) -> Iterator[Parts]:
    reasons, traced = nodes.groups["linked", area, REASON], nodes.whole("rows_traced", area)
    by_number = [node for reason, node in reasons.items() if reason in rules.number_reasons]
    yield nodes.whole("linked_by_number", area), by_number
    yield nodes.whole("linked_on_demographics", area), [node for node in reasons.values() if node not in by_number]
    yield nodes.whole("number_superseded", area), [node for reason, node in reasons.items() if reason in SUPERSEDED]
    for reason, node in nodes.groups["unlinked", area, REASON].items():
        yield nodes.whole(reason, area), [node]
    own, own_linked = (nodes.own_practices(measure, area) for measure in ("rows_traced", "linked"))
    yield nodes.whole("positive_control", area), own
    yield nodes.whole("positive_control", area), [*filter(None, [nodes.whole("positive_control_missed", area)]), *own_linked]
    yield nodes.whole("people", area), [node for node in (nodes.whole(measure, area) for measure in ("people_linked", "people_unlinked")) if node]
    # Who is linked now and was there before is among those who are linked now.
    yield nodes.whole("local_numbers", area), [node for node in (nodes.whole(measure, area) for measure in LINKED_AGAIN) if node]
    for measure in ("score", "margin", "pattern"):
        yield traced, list(nodes.groups[measure, area, measure].values())
    yield from _by_status(nodes, area)
    yield from _by_service(nodes, area, rules)
    for one, other in (*ALIKE, *PARTS):
        yield nodes.whole(one, area), [node for node in [nodes.whole(other, area)] if node]


def _by_service(nodes: Nodes, area: str, rules: QualityRules) -> Iterator[Parts]:
    """Social care events that are services have a kind of service, and no others; placements in care homes are among those of two kinds."""
    no_service = next(c.words["none"] for c in rules.characteristics if c.code == "service_type")
    for measure in ("rows_traced", "linked"):
        events, services = (nodes.groups[measure, area, kind] for kind in ("event_type", "service_type"))
        if no_service in services and "Service" in events:
            yield nodes.whole(measure, area), [services[no_service], events["Service"]]
    elsewhere = [node for kind, node in nodes.groups["linked", area, "service_type"].items() if kind not in CARE_HOMES]
    if placements := nodes.whole("placements_linked", area):
        yield nodes.whole("linked", area), [placements, *elsewhere]


def _by_status(nodes: Nodes, area: str) -> Iterator[Parts]:
    """The cross-table of statuses adds up to the records traced, and each derived code follows from reasons, which are told as well."""
    cells = nodes.groups[NUMBER_STATUS, area, NUMBER_STATUS]
    if not cells:
        return
    traced, status_of = nodes.whole("rows_traced", area), {reason: one.status for reason, one in trace_reasons().items()}
    reasons = {reason: node for measure in ("linked", "not_registered", "unlinked") for reason, node in nodes.groups[measure, area, REASON].items()}
    derived: dict[str, list[str]] = defaultdict(list)
    for crossed, node in cells.items():
        derived[crossed.rpartition(CROSSED)[2]].append(node)
    yield traced, list(cells.values())
    for code in sorted({*status_of.values()}):
        yield traced, [*derived.pop(code, ()), *(node for reason, node in reasons.items() if status_of.get(reason) != code)]
    # What is left are codes that a supplier alone can say: that no number is to be had or looked for.
    for whole in ("unlinked", "number_missing"):
        yield nodes.whole(whole, area), [node for nodes_of in derived.values() for node in nodes_of]
