"""Finding or confirming whose record it is, against the GP register.

A trace is a ladder, and a record climbs no further than it must:

1. `cross_check`: the NHS number and the full date of birth; `superseded_number` the same where the number has been replaced by the
   as-at date, and its replacement is taken;
2. `cross_check_partial`: the number, part of the date, and both names or the outward half of the postcode;
3. `exact_demographics`: names, date of birth, sex and postcode to the letter, where one person alone has them;
4. `scored`: every field weighed, accepted from a threshold on and by a margin over the second best, which `reference/trace.toml` fixes.

A number alone confirms nothing, and a guess is never made: whoever stays untraced is told why in one word.
"""
