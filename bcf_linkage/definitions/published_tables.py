"""Tables of the published zone: counts after disclosure control. Most have one row per measure, area and group."""

from __future__ import annotations

from bcf_linkage.definitions.schema import Column, Table, Type

OWN_SOURCE = "bcf-linkage"

STATUS_COLUMN = Column(
    "status", Type.TEXT, "shown, suppressed (the number or its denominator is small, or would reveal a small one) or not applicable", OWN_SOURCE
)

STAMP_COLUMNS = (
    Column("period_start", Type.DATE, "First day of the period", OWN_SOURCE),
    Column("period_end", Type.DATE, "Last day of the period", OWN_SOURCE),
    Column("as_at", Type.DATE, "The day on which people are counted", OWN_SOURCE),
    Column("definition_version", Type.TEXT, "Version of the definition that was used", OWN_SOURCE),
    Column("run_id", Type.TEXT, "The run that published the row", OWN_SOURCE),
)

COUNT_COLUMNS = (
    Column("measure", Type.TEXT, "Code of the measure", OWN_SOURCE),
    Column("measure_name", Type.TEXT, "The measure in words", OWN_SOURCE),
    Column("area_type", Type.TEXT, "locality, cluster, practice or source", OWN_SOURCE),
    Column("area_code", Type.TEXT, "Code of the area", OWN_SOURCE),
    Column("area_name", Type.TEXT, "Name of the area", OWN_SOURCE),
    Column("group_type", Type.TEXT, "What people are grouped by, or all", OWN_SOURCE),
    Column("group", Type.TEXT, "The group, or all", OWN_SOURCE),
    Column("numerator", Type.INTEGER, "People or events counted, rounded; null if suppressed", OWN_SOURCE),
    Column("denominator", Type.INTEGER, "People or events among which they are counted, rounded; null if suppressed", OWN_SOURCE),
    Column("value", Type.DECIMAL, "Numerator over denominator, times the unit, from the rounded numbers; null if suppressed", OWN_SOURCE),
    Column("lower", Type.DECIMAL, "Lower end of the 95% interval of the value", OWN_SOURCE),
    Column("upper", Type.DECIMAL, "Upper end of the 95% interval of the value", OWN_SOURCE),
    Column("unit", Type.TEXT, "What the value is: percent, per 1,000, per 100,000, count", OWN_SOURCE),
    STATUS_COLUMN,
    *STAMP_COLUMNS,
)

COMPARISON_COLUMNS = (
    Column("reference", Type.DECIMAL, "The value of the whole source with which a group's value is compared; null where there is no comparison", OWN_SOURCE),
    Column("gap", Type.DECIMAL, "Value less reference, in percentage points", OWN_SOURCE),
    Column("stands_out", Type.BOOLEAN, "Whether the reference is outside the 95% interval of the value; null without a reference", OWN_SOURCE),
)


def _tidy_table(name: str, grain: str) -> Table:
    return Table(name, grain, OWN_SOURCE, COUNT_COLUMNS, key=("measure", "area_type", "area_code", "group_type", "group", "period_start"))


NATIONAL_CONDITIONS = _tidy_table("national_conditions", "one figure of the joint-assessment condition for one area")
COHORT_COUNTS = _tidy_table("cohort_counts", "one cohort in one area and group")
BCF_METRICS = _tidy_table("bcf_metrics", "one metric of the fund for one area and period")
LINKAGE_QUALITY = Table(
    name="linkage_quality",
    grain="one figure of linkage quality for one source and group",
    source=OWN_SOURCE,
    key=("measure", "area_type", "area_code", "group_type", "group", "period_start"),
    columns=(
        Column("section", Type.TEXT, "B identifiers, C flow, D match rate, E errors, F implausible, J evidence for links", OWN_SOURCE),
        *COUNT_COLUMNS,
        *COMPARISON_COLUMNS,
        Column("before", Type.DECIMAL, "The value that the previous run published; null where it published none", OWN_SOURCE),
        Column("change", Type.DECIMAL, "Value less that of the previous run, in the same unit", OWN_SOURCE),
    ),
)

OPT_OUTS = Table(
    name="opt_outs",
    grain="one group of one source, or all of it: the people left out because they object",
    source=OWN_SOURCE,
    key=("measure", "area_code", "group_type", "group"),
    columns=(*COUNT_COLUMNS, *COMPARISON_COLUMNS),
)

LINKAGE_DIFFERENCES = Table(
    name="linkage_differences",
    grain="one characteristic, or one group of it, of a source's linked people beside its unlinked",
    source=OWN_SOURCE,
    key=("area_code", "characteristic", "group"),
    columns=(
        Column("area_code", Type.TEXT, "The source", OWN_SOURCE),
        Column("area_name", Type.TEXT, "Name of the source", OWN_SOURCE),
        Column("characteristic", Type.TEXT, "What is compared", OWN_SOURCE),
        Column("characteristic_name", Type.TEXT, "What is compared, in words", OWN_SOURCE),
        Column("group", Type.TEXT, "The group whose share is compared, or all of a mean", OWN_SOURCE),
        Column("unit", Type.TEXT, "percent or mean", OWN_SOURCE),
        Column("linked_people", Type.INTEGER, "Linked people, rounded; null if suppressed", OWN_SOURCE),
        Column("unlinked_people", Type.INTEGER, "Unlinked people, rounded; null if suppressed", OWN_SOURCE),
        Column("linked", Type.DECIMAL, "Share or mean of linked people, to one decimal", OWN_SOURCE),
        Column("unlinked", Type.DECIMAL, "Share or mean of unlinked people, to one decimal", OWN_SOURCE),
        Column("difference", Type.DECIMAL, "Standardised difference: linked less unlinked, in standard deviations", OWN_SOURCE),
        Column("stands_out", Type.BOOLEAN, "Whether the difference is greater than 0.1 either way", OWN_SOURCE),
        STATUS_COLUMN,
        *STAMP_COLUMNS,
    ),
)

LINKAGE_SENSITIVITY = Table(
    name="linkage_sensitivity",
    grain="one cohort of the whole locality under one linkage rule",
    source=OWN_SOURCE,
    key=("table", "measure", "rule"),
    columns=(
        Column("table", Type.TEXT, "The published table of the cohort", OWN_SOURCE),
        Column("measure", Type.TEXT, "Code of the cohort", OWN_SOURCE),
        Column("measure_name", Type.TEXT, "The cohort in words", OWN_SOURCE),
        Column(
            "rule",
            Type.TEXT,
            "strict (number and full date of birth only), unscored (all links except those by score), default, loose (default and the best candidate, "
            "unverified), or before (links of the previous run)",
            OWN_SOURCE,
        ),
        Column("people", Type.INTEGER, "People counted under the rule, rounded; null if suppressed", OWN_SOURCE),
        Column("moved", Type.INTEGER, "People less those under the default rule, from the rounded numbers", OWN_SOURCE),
        Column("moved_percent", Type.DECIMAL, "The same in percent of those under the default rule", OWN_SOURCE),
        STATUS_COLUMN,
        *STAMP_COLUMNS,
    ),
)

LINKAGE_BOUNDS = Table(
    name="linkage_bounds",
    grain="one cohort of the whole locality that needs linked records",
    source=OWN_SOURCE,
    key=("table", "measure"),
    columns=(
        Column("table", Type.TEXT, "The published table of the cohort", OWN_SOURCE),
        Column("measure", Type.TEXT, "Code of the cohort", OWN_SOURCE),
        Column("measure_name", Type.TEXT, "The cohort in words", OWN_SOURCE),
        Column("sources", Type.TEXT, "The sources whose links it needs", OWN_SOURCE),
        Column("people", Type.INTEGER, "People counted, rounded; null if suppressed", OWN_SOURCE),
        Column("least", Type.INTEGER, "People counted less the links that may be false matches, at the lower end of the estimated precision", OWN_SOURCE),
        Column("most", Type.INTEGER, "People counted and those whose links may be missed matches, at the lower end of the estimated recall", OWN_SOURCE),
        Column("direction", Type.TEXT, "Whether the count is more likely too low (more missed than false matches), too high, or neither", OWN_SOURCE),
        STATUS_COLUMN,
        *STAMP_COLUMNS,
    ),
)

LINKAGE_SUMMARY = Table(
    name="linkage_summary",
    grain="one figure of the plain summary for one source",
    source=OWN_SOURCE,
    key=("measure", "area_code"),
    columns=(
        Column("measure", Type.TEXT, "match_rate, precision, recall, f1 or precision_by_duplicates", OWN_SOURCE),
        Column("measure_name", Type.TEXT, "The figure in words", OWN_SOURCE),
        Column("area_code", Type.TEXT, "The source, or all sources", OWN_SOURCE),
        Column("area_name", Type.TEXT, "Name of the source", OWN_SOURCE),
        Column("value", Type.DECIMAL, "The figure in percent: as counted, or estimated without labels", OWN_SOURCE),
        Column("lower", Type.DECIMAL, "Lower end of its interval", OWN_SOURCE),
        Column("upper", Type.DECIMAL, "Upper end of its interval", OWN_SOURCE),
        Column(
            "truth_lower", Type.DECIMAL, "The true figure in percent where the truth is known, or the lowest value that a suppressed number allows", OWN_SOURCE
        ),
        Column("truth_upper", Type.DECIMAL, "The same, or the highest value that a suppressed number allows; null on real data", OWN_SOURCE),
        Column("green", Type.DECIMAL, "Lower end of the interval from which the light is green, in percent", OWN_SOURCE),
        Column("amber", Type.DECIMAL, "Lower end of the interval from which the light is amber, in percent; below it is red", OWN_SOURCE),
        Column("light", Type.TEXT, "green, amber, red or not known, by the lower end of the interval", OWN_SOURCE),
        Column("basis", Type.TEXT, "counted, estimated, or bounded: the worst value that a suppressed number allows", OWN_SOURCE),
        *STAMP_COLUMNS,
    ),
)

LINKAGE_PROVENANCE = Table(
    name="linkage_provenance",
    grain="one fact about what was linked, and with what",
    source=OWN_SOURCE,
    key=("subject", "fact"),
    columns=(
        Column("subject", Type.TEXT, "An extract, or the run", OWN_SOURCE),
        Column("fact", Type.TEXT, "Name of the fact", OWN_SOURCE),
        Column("detail", Type.TEXT, "The fact", OWN_SOURCE),
        *STAMP_COLUMNS,
    ),
)

RISK_BANDS = Table(
    name="risk_bands",
    grain="one band of the registered population",
    source=OWN_SOURCE,
    key=("band",),
    columns=(
        Column("band", Type.TEXT, "Very High, High, Moderate, Low, Healthy or Non users", OWN_SOURCE),
        Column("people", Type.INTEGER, "People in the band, rounded; null if suppressed", OWN_SOURCE),
        Column("share", Type.DECIMAL, "People over all people, in percent, from the rounded numbers", OWN_SOURCE),
        Column("mean_cost", Type.DECIMAL, "Mean cost of a person in the twelve months to the as-at date, in whole pounds", OWN_SOURCE),
        Column("total_cost", Type.DECIMAL, "Rounded people times mean cost, in pounds", OWN_SOURCE),
        STATUS_COLUMN,
        *STAMP_COLUMNS,
    ),
)

LINKAGE_LEDGER = Table(
    name="linkage_ledger",
    grain="one outcome of rows of an extract, and one reason for it",
    source=OWN_SOURCE,
    key=("extract", "outcome", "reason"),
    columns=(
        Column("extract", Type.TEXT, "The extract", OWN_SOURCE),
        Column("outcome", Type.TEXT, "Outcome of the rows", OWN_SOURCE),
        Column("reason", Type.TEXT, "Reason for the outcome", OWN_SOURCE),
        Column("rows", Type.INTEGER, "Rows, rounded; null if suppressed. The exact ledger is in audit/", OWN_SOURCE),
        STATUS_COLUMN,
        *STAMP_COLUMNS,
    ),
)

DATA_QUALITY = Table(
    name="data_quality",
    grain="one rule on one column of an extract",
    source=OWN_SOURCE,
    key=("extract", "column", "rule"),
    columns=(
        Column("extract", Type.TEXT, "The extract", OWN_SOURCE),
        Column("column", Type.TEXT, "The column", OWN_SOURCE),
        Column("rule", Type.TEXT, "The rule", OWN_SOURCE),
        Column("words", Type.TEXT, "The rule in words", OWN_SOURCE),
        Column("consequence", Type.TEXT, "What happens to a row that breaks it", OWN_SOURCE),
        Column("rows", Type.INTEGER, "Readable rows, rounded; null if suppressed", OWN_SOURCE),
        Column("failed", Type.INTEGER, "Rows that break the rule, rounded; null if suppressed", OWN_SOURCE),
        Column("failed_percent", Type.DECIMAL, "Failed over rows, in percent, from the rounded numbers", OWN_SOURCE),
        Column("tolerance_percent", Type.DECIMAL, "The highest share that the gate accepts, in percent; null if the rule is not gated", OWN_SOURCE),
        STATUS_COLUMN,
        *STAMP_COLUMNS,
    ),
)

DATA_DICTIONARY = Table(
    name="data_dictionary",
    grain="one declared column",
    source=OWN_SOURCE,
    key=("table", "column"),
    columns=(
        Column("zone", Type.TEXT, "identifiable, pseudonymised or published", OWN_SOURCE),
        Column("table", Type.TEXT, "The table", OWN_SOURCE),
        Column("grain", Type.TEXT, "What one row of the table is", OWN_SOURCE),
        Column("position", Type.INTEGER, "Order of the column in its table, from 1", OWN_SOURCE),
        Column("column", Type.TEXT, "The column", OWN_SOURCE),
        Column("type", Type.TEXT, "Type", OWN_SOURCE),
        Column("meaning", Type.TEXT, "Meaning", OWN_SOURCE),
        Column("allowed", Type.TEXT, "What a value may be", OWN_SOURCE),
        Column("identifies", Type.TEXT, "Kind of identifier, blank if none", OWN_SOURCE),
        Column("source", Type.TEXT, "Where the column comes from", OWN_SOURCE),
    ),
)

DISCLOSURE_CONTROL = Table(
    name="disclosure_control",
    grain="one set of counts of the release, after the attack on them",
    source=OWN_SOURCE,
    key=("table",),
    columns=(
        Column("table", Type.TEXT, "The table of the counts, or the two tables that show the same counts", OWN_SOURCE),
        Column("profile", Type.TEXT, "The profile of disclosure control", OWN_SOURCE),
        Column("rule", Type.TEXT, "The profile in words", OWN_SOURCE),
        Column("cells", Type.INTEGER, "Counts in the table, each once", OWN_SOURCE),
        Column("shown", Type.INTEGER, "Those that are shown", OWN_SOURCE),
        Column("suppressed", Type.INTEGER, "Those that are suppressed, by primary or secondary suppression; all were attacked", OWN_SOURCE),
        Column("releases", Type.INTEGER, "Earlier releases that the attacker is assumed to know", OWN_SOURCE),
        Column("status", Type.TEXT, "What the attack found", OWN_SOURCE),
        *STAMP_COLUMNS,
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
