"""Linkage quality: the flow of records, match rates, linkage error, implausible links, and linked people compared with unlinked people.

Each figure is first a tally: one row per `measure` (a figure of `reference/linkage_quality.toml`), `area_code` (a source, or all sources),
`group_type` and `group`, with its exact `count`. All tallies form one tree of counts, which goes through disclosure control once, so that
no table reveals what another one suppresses.
"""
