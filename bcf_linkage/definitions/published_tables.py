"""Tables of the published zone: counts only, after disclosure control. Tidy: one row per measure, area and group."""

from __future__ import annotations

from bcf_linkage.definitions.schema import Column, Table, Type

OURS = "bcf-linkage"

STATUS = Column("status", Type.TEXT, "shown, suppressed (the number or its denominator is small, or would tell a small one) or not applicable", OURS)

STAMP = (
    Column("period_start", Type.DATE, "First day of the period", OURS),
    Column("period_end", Type.DATE, "Last day of the period", OURS),
    Column("as_at", Type.DATE, "The day on which people are counted", OURS),
    Column("definition_version", Type.TEXT, "Version of the definition that was used", OURS),
    Column("run_id", Type.TEXT, "The run that published the row", OURS),
)

COUNTS = (
    Column("measure", Type.TEXT, "Code of the measure", OURS),
    Column("measure_name", Type.TEXT, "The measure in words", OURS),
    Column("area_type", Type.TEXT, "locality, cluster, practice or source", OURS),
    Column("area_code", Type.TEXT, "Code of the area", OURS),
    Column("area_name", Type.TEXT, "Name of the area", OURS),
    Column("group_type", Type.TEXT, "What people are grouped by, or all", OURS),
    Column("group", Type.TEXT, "The group, or all", OURS),
    Column("numerator", Type.INTEGER, "People or events counted, rounded; null if suppressed", OURS),
    Column("denominator", Type.INTEGER, "Those among whom they are counted, rounded; null if suppressed", OURS),
    Column("value", Type.DECIMAL, "Numerator over denominator, times the unit, from the rounded numbers; null if suppressed", OURS),
    Column("lower", Type.DECIMAL, "Lower end of the 95% interval of the value", OURS),
    Column("upper", Type.DECIMAL, "Upper end of the 95% interval of the value", OURS),
    Column("unit", Type.TEXT, "What the value is: percent, per 1,000, per 100,000, count", OURS),
    STATUS,
    *STAMP,
)

HELD_AGAINST = (
    Column("reference", Type.DECIMAL, "The value of the whole source that a group's value is held against; null where it is not", OURS),
    Column("gap", Type.DECIMAL, "Value less reference, in percentage points", OURS),
    Column("stands_out", Type.TRUTH, "Whether the reference lies outside the 95% interval of the value; null without a reference", OURS),
)


def _tidy(name: str, grain: str) -> Table:
    return Table(name, grain, OURS, COUNTS, key=("measure", "area_type", "area_code", "group_type", "group", "period_start"))


NATIONAL_CONDITIONS = _tidy("national_conditions", "one figure of the joint-assessment condition for one area")
COHORT_COUNTS = _tidy("cohort_counts", "one cohort in one area and group")
BCF_METRICS = _tidy("bcf_metrics", "one metric of the fund for one area and period")
LINKAGE_QUALITY = Table(
    name="linkage_quality",
    grain="one figure of linkage quality for one source and group",
    source=OURS,
    key=("measure", "area_type", "area_code", "group_type", "group", "period_start"),
    columns=(
        Column("section", Type.TEXT, "B identifiers, C flow, D match rate, E errors, F implausible, J what links rest on", OURS),
        *COUNTS,
        *HELD_AGAINST,
        Column("before", Type.DECIMAL, "The value that the run before published; null where it published none", OURS),
        Column("change", Type.DECIMAL, "Value less that of the run before, in the same unit", OURS),
    ),
)

OPT_OUTS = Table(
    name="opt_outs",
    grain="the people who are left out of one source because they object, all of them or one group",
    source=OURS,
    key=("measure", "area_code", "group_type", "group"),
    columns=(*COUNTS, *HELD_AGAINST),
)

LINKAGE_DIFFERENCES = Table(
    name="linkage_differences",
    grain="one characteristic, or one group of it, of a source's linked people beside its unlinked",
    source=OURS,
    key=("area_code", "characteristic", "group"),
    columns=(
        Column("area_code", Type.TEXT, "The source", OURS),
        Column("area_name", Type.TEXT, "Name of the source", OURS),
        Column("characteristic", Type.TEXT, "What is compared", OURS),
        Column("characteristic_name", Type.TEXT, "What is compared, in words", OURS),
        Column("group", Type.TEXT, "The group whose share is compared, or all of a mean", OURS),
        Column("unit", Type.TEXT, "percent or mean", OURS),
        Column("linked_people", Type.INTEGER, "Linked people, rounded; null if suppressed", OURS),
        Column("unlinked_people", Type.INTEGER, "Unlinked people, rounded; null if suppressed", OURS),
        Column("linked", Type.DECIMAL, "Share or mean of linked people, to one decimal", OURS),
        Column("unlinked", Type.DECIMAL, "Share or mean of unlinked people, to one decimal", OURS),
        Column("difference", Type.DECIMAL, "Standardised difference: linked less unlinked, in standard deviations", OURS),
        Column("stands_out", Type.TRUTH, "Whether the difference is greater than 0.1 either way", OURS),
        STATUS,
        *STAMP,
    ),
)

LINKAGE_SENSITIVITY = Table(
    name="linkage_sensitivity",
    grain="one cohort of the whole locality under one linkage rule",
    source=OURS,
    key=("table", "measure", "rule"),
    columns=(
        Column("table", Type.TEXT, "The published table that the cohort stands in", OURS),
        Column("measure", Type.TEXT, "Code of the cohort", OURS),
        Column("measure_name", Type.TEXT, "The cohort in words", OURS),
        Column(
            "rule",
            Type.TEXT,
            "strict (number and full date of birth only), unscored (all but links that rest on a score), default, loose (the best candidate, unverified, "
            "as well), or before (links of the run before)",
            OURS,
        ),
        Column("people", Type.INTEGER, "People counted under the rule, rounded; null if suppressed", OURS),
        Column("moved", Type.INTEGER, "People less those under the default rule, from the rounded numbers", OURS),
        Column("moved_percent", Type.DECIMAL, "The same in percent of those under the default rule", OURS),
        STATUS,
        *STAMP,
    ),
)

LINKAGE_BOUNDS = Table(
    name="linkage_bounds",
    grain="one cohort of the whole locality that rests on linked records",
    source=OURS,
    key=("table", "measure"),
    columns=(
        Column("table", Type.TEXT, "The published table that the cohort stands in", OURS),
        Column("measure", Type.TEXT, "Code of the cohort", OURS),
        Column("measure_name", Type.TEXT, "The cohort in words", OURS),
        Column("sources", Type.TEXT, "The sources whose links it rests on", OURS),
        Column("people", Type.INTEGER, "People counted, rounded; null if suppressed", OURS),
        Column("least", Type.INTEGER, "The same without the links that may be wrong, at the lower end of the estimated precision", OURS),
        Column("most", Type.INTEGER, "The same with the people whose links may be missed, at the lower end of the estimated recall", OURS),
        Column("direction", Type.TEXT, "Whether the count is likelier too low (more is missed than wrong), too high, or neither", OURS),
        STATUS,
        *STAMP,
    ),
)

LINKAGE_SUMMARY = Table(
    name="linkage_summary",
    grain="one figure of the plain summary for one source",
    source=OURS,
    key=("measure", "area_code"),
    columns=(
        Column("measure", Type.TEXT, "match_rate, precision, recall, f1 or precision_by_duplicates", OURS),
        Column("measure_name", Type.TEXT, "The figure in words", OURS),
        Column("area_code", Type.TEXT, "The source, or all sources", OURS),
        Column("area_name", Type.TEXT, "Name of the source", OURS),
        Column("value", Type.DECIMAL, "The figure in percent: as counted, or estimated without labels", OURS),
        Column("lower", Type.DECIMAL, "Lower end of its interval", OURS),
        Column("upper", Type.DECIMAL, "Upper end of its interval", OURS),
        Column("truth_lower", Type.DECIMAL, "The true figure in percent, where the truth is known, or the least that a hidden number leaves open", OURS),
        Column("truth_upper", Type.DECIMAL, "The same, or the most that a hidden number leaves open; null on real data", OURS),
        Column("green", Type.DECIMAL, "From where on its lower end is green", OURS),
        Column("amber", Type.DECIMAL, "From where on its lower end is amber; below it is red", OURS),
        Column("light", Type.TEXT, "green, amber, red or not known, by the lower end of the interval", OURS),
        Column("basis", Type.TEXT, "counted, estimated, or bounded: the worst that a suppressed number may stand for", OURS),
        *STAMP,
    ),
)

LINKAGE_PROVENANCE = Table(
    name="linkage_provenance",
    grain="one fact about what was linked, and with what",
    source=OURS,
    key=("subject", "fact"),
    columns=(
        Column("subject", Type.TEXT, "An extract, or the run", OURS),
        Column("fact", Type.TEXT, "What is told of it", OURS),
        Column("said", Type.TEXT, "The fact", OURS),
        *STAMP,
    ),
)

RISK_BANDS = Table(
    name="risk_bands",
    grain="one band of the registered population",
    source=OURS,
    key=("band",),
    columns=(
        Column("band", Type.TEXT, "Very High, High, Moderate, Low, Healthy or Non users", OURS),
        Column("people", Type.INTEGER, "People in the band, rounded; null if suppressed", OURS),
        Column("share", Type.DECIMAL, "People over all people, in percent, from the rounded numbers", OURS),
        Column("mean_cost", Type.DECIMAL, "Mean cost of a person in the twelve months to the as-at date, in whole pounds", OURS),
        Column("total_cost", Type.DECIMAL, "Rounded people times mean cost, in pounds", OURS),
        STATUS,
        *STAMP,
    ),
)

LINKAGE_LEDGER = Table(
    name="linkage_ledger",
    grain="one place and reason in which rows of an extract ended",
    source=OURS,
    key=("extract", "place", "reason"),
    columns=(
        Column("extract", Type.TEXT, "The extract", OURS),
        Column("place", Type.TEXT, "Where the rows ended", OURS),
        Column("reason", Type.TEXT, "Why", OURS),
        Column("rows", Type.INTEGER, "Rows, rounded; null if suppressed. The exact ledger is in audit/", OURS),
        STATUS,
        *STAMP,
    ),
)

DATA_QUALITY = Table(
    name="data_quality",
    grain="one rule on one column of an extract",
    source=OURS,
    key=("extract", "column", "rule"),
    columns=(
        Column("extract", Type.TEXT, "The extract", OURS),
        Column("column", Type.TEXT, "The column", OURS),
        Column("rule", Type.TEXT, "The rule", OURS),
        Column("words", Type.TEXT, "The rule in words", OURS),
        Column("consequence", Type.TEXT, "What becomes of a row that breaks it", OURS),
        Column("rows", Type.INTEGER, "Readable rows, rounded; null if suppressed", OURS),
        Column("failed", Type.INTEGER, "Rows that break the rule, rounded; null if suppressed", OURS),
        Column("failed_percent", Type.DECIMAL, "Failed over rows, in percent, from the rounded numbers", OURS),
        Column("tolerance_percent", Type.DECIMAL, "The most that the gate lets pass, null if the rule does not gate", OURS),
        STATUS,
        *STAMP,
    ),
)

DATA_DICTIONARY = Table(
    name="data_dictionary",
    grain="one declared column",
    source=OURS,
    key=("table", "column"),
    columns=(
        Column("zone", Type.TEXT, "identifiable, pseudonymised or published", OURS),
        Column("table", Type.TEXT, "The table", OURS),
        Column("grain", Type.TEXT, "What one row of the table is", OURS),
        Column("position", Type.INTEGER, "Order of the column in its table, from 1", OURS),
        Column("column", Type.TEXT, "The column", OURS),
        Column("type", Type.TEXT, "Type", OURS),
        Column("meaning", Type.TEXT, "Meaning", OURS),
        Column("allowed", Type.TEXT, "What a value may be", OURS),
        Column("identifies", Type.TEXT, "What it tells of who a person is, blank if nothing", OURS),
        Column("source", Type.TEXT, "Where the column comes from", OURS),
    ),
)

DISCLOSURE_CONTROL = Table(
    name="disclosure_control",
    grain="one set of counts of the release, after it was attacked",
    source=OURS,
    key=("table",),
    columns=(
        Column("table", Type.TEXT, "The table of the counts, or the two tables that show the same counts", OURS),
        Column("profile", Type.TEXT, "The profile of disclosure control", OURS),
        Column("rule", Type.TEXT, "The profile in words", OURS),
        Column("cells", Type.INTEGER, "Counts in the table, each once", OURS),
        Column("shown", Type.INTEGER, "Those that are shown", OURS),
        Column("suppressed", Type.INTEGER, "Those that are suppressed, small ones and others in their company; all were attacked", OURS),
        Column("releases", Type.INTEGER, "Earlier releases that the attacker was taken to know", OURS),
        Column("status", Type.TEXT, "What the attack found", OURS),
        *STAMP,
    ),
)

PUBLISHED: dict[str, Table] = {
    table.name: table
    for table in (
        RISK_BANDS,
        NATIONAL_CONDITIONS,
        COHORT_COUNTS,
        BCF_METRICS,
        LINKAGE_QUALITY,
        LINKAGE_DIFFERENCES,
        LINKAGE_SENSITIVITY,
        LINKAGE_BOUNDS,
        LINKAGE_SUMMARY,
        LINKAGE_PROVENANCE,
        LINKAGE_LEDGER,
        OPT_OUTS,
        DATA_QUALITY,
        DISCLOSURE_CONTROL,
        DATA_DICTIONARY,
    )
}
