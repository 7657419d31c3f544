"""How good the linkage is: the flow of records, match rates, errors, implausible links, and whom the unlinked are.

Everything that is counted here is first a tally: one row per `measure` (a figure of `reference/linkage_quality.toml`), `area_code`
(a source, or all of them), `group_type` and `group`, with its exact `count`. All tallies make one tree of counts, which goes through
disclosure control once, so that what one table hides no other tells.
"""
