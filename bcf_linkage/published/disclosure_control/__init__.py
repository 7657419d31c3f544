"""Disclosure control: protect the published counts of a locality, so that nobody can learn about a person from them.

**The rule** comes from the profile (`definitions/disclosure.py`): which small counts are protected, whether those are suppressed or
rounded like the others (primary suppression), and how the others are rounded. Every number is rounded by itself and is the same in every
table. A table adds up to within its rounding, and every rate is made of rounded numbers. A count whose remainder of its denominator is
protected is suppressed as a protected count is.

**The guarantee.** The rule protects the counts from a least to a most (1 to 7 in `hes7r5`). A reader has everything that this release
shows, everything that earlier releases showed of the same counts, and all sums that relate them. Then both the least and the most are
still possible for every protected count, and for the remainder of every protected percentage: for each there is a feasible table, one
whole number for each count, that violates nothing known. The reader is also taken to know that a suppressed count is not zero, where
zeros are shown, and that a percentage that is shown leaves no small remainder. If parts above zero rule out the lowest values, as many
values must be possible above the most.

**The attack** (`attack.py`) searches for these feasible tables by linear programmes and verifies them in whole numbers. **Secondary
suppression** (`secondary_suppression.py`) hides further counts, those with the least loss first, until all are found. A zero is never
hidden where zeros are shown. No release can withdraw what earlier releases show. Where they narrow a count that has become small since,
this release shows nothing that narrows it further, and the protection summary says so.

**What a reader knows** (`knowledge.py`): areas add up to larger ones, and groups to the locality. A cohort is within its denominator and
within every cohort with wider criteria. If two cohorts and their intersection are published, the number that meets neither follows.
Counts with the same criteria are one number in every table. Records of a source add up over outcomes, reasons and characteristics, and
sources add up to all sources. **Of earlier releases** (`earlier_releases.py`): a count with the same criteria, area and period is one
number in every release whose bounds contain it, even if areas were redrawn since.

**What is not bounded.** Counts of different periods: people move in, move out and die between them, so no sum relates them, even if few
did. Means: they are not shown for protected numbers, and are part of no sum. Differences between two shown numbers where neither is the
denominator of the other, including one cohort under two linkage rules: only rounding blurs them. What a reader knows from other sources,
and what can be guessed from the choice of counts for secondary suppression. The truth about made-up people.
"""
