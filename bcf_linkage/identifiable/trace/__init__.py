"""Trace records to people on the GP register: confirm the NHS number of a record, or find the person without it.

A record goes through four match passes, in this order. The first pass that links it is its `trace_reason`; later passes skip it.

Deterministic passes: the fields agree exactly.

1. `cross_check`: NHS number and full date of birth. `superseded_number` is the same pass for a number that was replaced by the as-at
   date; the record is linked to the replacement.
2. `cross_check_partial`: NHS number, part of the date of birth, and both names or the outward half of the postcode.
3. `exact_demographics`: family name, given name, date of birth, sex and postcode, letter by letter, where only one person has them.

Probabilistic pass: the fields agree well enough.

4. `scored`: blocking finds candidate pairs of a record and a register entry. Each field adds its match weight, log2(m / u) in bits.
   The best candidate is accepted if its score reaches `threshold`, lies at least `margin` above the second best, agrees in
   `fewest_fields` fields, and nothing contradicts it. The values and their sources are in `reference/trace.toml`.

Afterwards, where the Master Person Service (MPS) has answered about an unlinked record, the four passes run again with the number that
it found, and `national_trace` is the reason of a link.

A number alone confirms nothing. No link is a guess: every record that is not linked has a reason in one word.

| Module | What it does |
|---|---|
| `register`, `register_numbers`, `register_entries` | the register by NHS number, and its people as they are compared |
| `standardise` | names, dates and addresses in the form in which they are compared |
| `match_on_number`, `match_on_demographics` | passes 1 to 3 |
| `blocking`, `splink_model`, `select_match` | pass 4: candidate pairs, match weights, acceptance |
| `tracing`, `trace_results` | the passes in order, and one result per record |
| `mps_exchange`, `mps_answers` | requests to the MPS, and its answers |
| `validation` | hold-out samples, from which false and missed matches are estimated |
"""
