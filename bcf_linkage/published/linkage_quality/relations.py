"""Relations between the counts on linkage, besides the tree of counts. A reader of the tables can work them out, so disclosure control must know them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set

from bcf_linkage.definitions.extracts.adult_social_care import CARE_HOMES
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.trace_reasons import trace_reasons
from bcf_linkage.published.exact_counts import ALL, ExactCount, Node
from bcf_linkage.published.linkage_quality.flow import REASON
from bcf_linkage.published.linkage_quality.linkage_summary import SUMMARY_MEASURES
from bcf_linkage.published.linkage_quality.match_rates import ELSEWHERE, NOT_RECORDED, NUMBER_STATUS, STATUS_SEPARATOR
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES, REGISTER

WholeAndParts = tuple[Node, list[Node]]
Relation = tuple[Node | None, list[Node]]
"""A whole that may not have been counted, and parts of it that do not overlap. Parts that were not counted are left out."""

SUPERSEDED = ("superseded", "superseded_number")
EQUAL_REMAINDERS = (("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"),)
"""Whole, part, whole, part: people of the hold-out sample who were not missed are those who were linked and not wrongly."""

LINKED_AGAIN = ("links_kept", "links_found", "links_moved")
"""Figures of clients who are linked now and were in the run before."""

SAME_RECORDS = (("holdout", "decoys"), ("not_registered", "number_not_listed"))
"""Pairs of figures that count the same records."""

SUBSETS = (("overlapping_stays", "stays_at_two_hospitals"), ("stays_linked", "long_stays_linked"))
"""Pairs of figures where the second counts some of what the first counts."""


class Nodes:
    """Nodes of exact counts on linkage, by measure, source, kind of group and group."""

    def __init__(self, rows: Sequence[ExactCount]) -> None:
        self.by_key: dict[tuple[str, str, str, str], Node] = {}
        self.groups: dict[tuple[str, str, str], dict[str, Node]] = defaultdict(dict)
        for row in rows:
            key = (row.measure, row.area_code, row.group_type)
            self.by_key[*key, row.group] = self.groups[key][row.group] = row.node
        self.areas = sorted({row.area_code for row in rows})

    def whole(self, measure: str, area: str) -> Node | None:
        """Return the node of a figure of a whole source, None if it was not counted."""
        return self.by_key.get((measure, area, ALL, ALL))

    def wholes(self, measures: Sequence[str], area: str) -> list[Node]:
        """Return the nodes of these figures of a whole source, without those that were not counted."""
        return [node for measure in measures if (node := self.whole(measure, area))]

    def own_practices(self, measure: str, area: str) -> list[Node]:
        """Return the nodes of a figure by practice, for the practices of the locality."""
        return [node for group, node in self.groups[measure, area, "practice"].items() if group not in (ELSEWHERE, NOT_RECORDED)]


def find_disjoint_parts(rows: Sequence[ExactCount], rules: QualityRules) -> list[WholeAndParts]:
    """Exact counts on linkage -> each whole, with parts of it that do not overlap or that add up to it."""
    nodes = Nodes(rows)
    truth_codes, pooled_group_codes = ({figure.code for figure in rules.figures if getattr(figure, kind)} for kind in ("truth", "grouped_together"))
    relations = [*_relate_all_sources(nodes, truth_codes, pooled_group_codes)]
    for area in nodes.areas:
        relations += _relate_source(nodes, area, rules)
    return [(whole, parts) for whole, parts in relations if whole and parts]


def find_equal_remainders(rows: Sequence[ExactCount]) -> list[tuple[Node, Node, Node, Node]]:
    """Exact counts on linkage -> a whole, its part, another whole and its part, where both wholes leave the same remainder."""
    nodes = Nodes(rows)
    keys = [(first, key) for first, *key in nodes.by_key]
    quadruples = [
        tuple(nodes.by_key.get((measure, area, kind, group)) for measure in codes)
        for codes in EQUAL_REMAINDERS
        for first, (area, kind, group) in keys
        if first == codes[0]
    ]
    return [(a, b, c, d) for a, b, c, d in quadruples if a and b and c and d]


def find_bounded_elsewhere(rows: Sequence[ExactCount]) -> frozenset[Node]:
    """Exact counts on linkage -> the nodes for which the linkage summary says, where they are suppressed, whether they are small."""
    return frozenset(row.node for row in rows if row.measure in SUMMARY_MEASURES and row.group_type == ALL and row.area_code not in (ALL_SOURCES, REGISTER))


def _relate_all_sources(nodes: Nodes, truth_codes: Set[str], pooled_group_codes: Set[str]) -> Iterator[Relation]:
    """Yield the counts of all sources with those of each source, and pooled figures with their groups.

    Figures of the truth are left out: only made-up people have one, and they need no protection.
    """
    sources = [area for area in nodes.areas if area not in (ALL_SOURCES, REGISTER)]
    for (measure, area, group_type, group), whole in nodes.by_key.items():
        if area == ALL_SOURCES and measure not in truth_codes:
            keys = ((measure, source, group_type, group) for source in sources)
            yield whole, [nodes.by_key[key] for key in keys if key in nodes.by_key]
    for (measure, area, group_type), groups in nodes.groups.items():
        if area == ALL_SOURCES and measure in pooled_group_codes and group_type != ALL:
            yield nodes.whole(measure, area), list(groups.values())


def _relate_source(nodes: Nodes, area: str, rules: QualityRules) -> Iterator[Relation]:
    """Yield the relations between the counts of one source."""
    reasons, traced = nodes.groups["linked", area, REASON], nodes.whole("rows_traced", area)
    number_nodes = [node for reason, node in reasons.items() if reason in rules.number_reasons]
    yield nodes.whole("linked_by_number", area), number_nodes
    yield nodes.whole("linked_on_demographics", area), [node for node in reasons.values() if node not in number_nodes]
    yield nodes.whole("number_superseded", area), [node for reason, node in reasons.items() if reason in SUPERSEDED]
    for reason, node in nodes.groups["unlinked", area, REASON].items():
        yield nodes.whole(reason, area), [node]
    practice_records, practice_links = (nodes.own_practices(measure, area) for measure in ("rows_traced", "linked"))
    yield nodes.whole("positive_control", area), practice_records
    yield nodes.whole("positive_control", area), [*nodes.wholes(("positive_control_missed",), area), *practice_links]
    yield nodes.whole("people", area), nodes.wholes(("people_linked", "people_unlinked"), area)
    # Clients who are linked now and were in the run before are among those who are linked now.
    yield nodes.whole("local_numbers", area), nodes.wholes(LINKED_AGAIN, area)
    for measure in ("score", "margin", "pattern"):
        yield traced, list(nodes.groups[measure, area, measure].values())
    yield from _relate_statuses(nodes, area)
    yield from _relate_services(nodes, area, rules)
    for code, part_code in (*SAME_RECORDS, *SUBSETS):
        yield nodes.whole(code, area), nodes.wholes((part_code,), area)


def _relate_services(nodes: Nodes, area: str, rules: QualityRules) -> Iterator[Relation]:
    """Yield the relations of social care events: only services have a kind of service, and care home placements are among two kinds."""
    no_service = next(c.words["none"] for c in rules.characteristics if c.code == "service_type")
    for measure in ("rows_traced", "linked"):
        events, services = (nodes.groups[measure, area, kind] for kind in ("event_type", "service_type"))
        if no_service in services and "Service" in events:
            yield nodes.whole(measure, area), [services[no_service], events["Service"]]
    elsewhere = [node for kind, node in nodes.groups["linked", area, "service_type"].items() if kind not in CARE_HOMES]
    if placements := nodes.whole("placements_linked", area):
        yield nodes.whole("linked", area), [placements, *elsewhere]


def _relate_statuses(nodes: Nodes, area: str) -> Iterator[Relation]:
    """Yield the relations of the NHS number statuses, supplied against derived.

    The cross-table adds up to the records traced. Each derived code follows from the reasons of the trace, which are published as well.
    """
    cells = nodes.groups[NUMBER_STATUS, area, NUMBER_STATUS]
    if not cells:
        return
    traced, status_of = nodes.whole("rows_traced", area), {reason: trace_reason.status for reason, trace_reason in trace_reasons().items()}
    reasons = {reason: node for measure in ("linked", "not_registered", "unlinked") for reason, node in nodes.groups[measure, area, REASON].items()}
    derived: dict[str, list[Node]] = defaultdict(list)
    for status_pair, node in cells.items():
        derived[status_pair.rpartition(STATUS_SEPARATOR)[2]].append(node)
    yield traced, list(cells.values())
    for code in sorted({*status_of.values()}):
        yield traced, [*derived.pop(code, ()), *(node for reason, node in reasons.items() if status_of.get(reason) != code)]
    # The codes left over are those that only a supplier can give: no number is available, or none needs to be traced.
    for whole in ("unlinked", "number_missing"):
        yield nodes.whole(whole, area), [node for code_nodes in derived.values() for node in code_nodes]
