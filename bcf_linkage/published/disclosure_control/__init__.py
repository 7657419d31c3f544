"""Disclosure control: what keeps the published counts of a locality from telling about a person.

**The rule** is the profile's (`definitions/disclosure.py`): which counts are guarded, whether those are suppressed or rounded like
the others, and how the others are rounded. Every number is rounded by itself and is the same wherever it stands; a table adds up to
within its rounding, and every rate is made of rounded numbers. A count that leaves a guarded number of its denominator is
suppressed as a guarded count is.

**The promise.** Let a count be guarded from its least number to its greatest (1 to 7 in `hes7r5`). Take all that this release shows,
all that earlier releases showed of the same counts, and all sums that bind them. Then the least and the greatest could still stand
behind every guarded count, and behind what every guarded percentage leaves of its denominator: for each there is another world, one
whole number for each count, in which nothing that was told is broken. Taken as known besides: where zeros are shown, that a
suppressed count is none; and that a percentage which is shown leaves no small number. If parts that are not zero bar the lowest
numbers, as many must be possible above the greatest.

**The attack** (`attack.py`) looks for these worlds by linear programmes and checks them in whole numbers; **the defence**
(`protect.py`) hides further counts, the least lost first, until all are found. A zero is never hidden where zeros are shown. What
earlier releases tell by themselves no release can take back: where they narrow a count that has become small since, nothing of this
release that could narrow it further is shown, and the account says so.

**What a reader is taken to know** (`knowledge.py`): areas add up to larger ones, and groups to the locality; a cohort lies within
its denominator and within every cohort whose definition follows from its own; how many meet neither of two cohorts if both and
their intersection are published; counts of one meaning are one number, in whatever table; records of a source add up over places,
reasons and what they tell, and sources to all sources. **Of earlier releases** (`earlier.py`): a count of the same meaning, area and
period is one number in every release whose bounds it fits, though areas have been redrawn since.

**What is not bounded.** Counts of different periods: people come, die and change between them, so no sum binds them, however
likely it is that few did. Means: they are not shown for guarded numbers, and are no part of the sums. Differences between two shown
numbers of which neither is the other's denominator, a cohort under two linkage rules among them: rounding alone blurs them. What
somebody knows from elsewhere, and what can be guessed from how the second count to hide was chosen. The truth about made-up people.
"""
