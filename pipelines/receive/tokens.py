"""The tokens of one run. Each is made once, although the same people occur in one extract after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import polars as pl

from bcf_linkage.identifiable import pseudonymisation

TOKEN_SCHEMA = {"domain": pl.String, "subject": pl.String, "person": pl.String}


@dataclass(repr=False)
class TokenCache:
    """The tokens made so far under a project's key. It contains identifiers, so it is dropped with the register."""

    key: bytes
    cached: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TOKEN_SCHEMA))
    lock: Lock = field(default_factory=Lock)

    def add_tokens(self, people: pl.DataFrame) -> pl.DataFrame:
        """Add each person's token as `person`. One row per identity with `domain` and `subject` -> the same rows in the same order."""
        # Extracts are received two at a time and share the cache.
        subjects = people.select("domain", "subject").unique(maintain_order=True)
        with self.lock:
            new_by_domain = subjects.join(self.cached, on=["domain", "subject"], how="anti", maintain_order="left").partition_by("domain", as_dict=True)
            all_tokens = pl.concat(
                [self.cached, *(new.with_columns(person=self._make_tokens(domain, new["subject"])) for (domain,), new in new_by_domain.items())]
            )
            self.cached = all_tokens
        return people.join(all_tokens, on=["domain", "subject"], how="left", maintain_order="left")

    def spell_tokens(self, spells: pl.Series) -> pl.Series:
        """Make the token of each row's spell, null for a row without a spell."""
        distinct = spells.drop_nulls().unique().rename("spell")
        token_by_spell = distinct.to_frame().with_columns(token=self._make_tokens(pseudonymisation.SPELL_DOMAIN, distinct))
        return spells.rename("spell").to_frame().join(token_by_spell, on="spell", how="left", maintain_order="left")["token"]

    def _make_tokens(self, domain: str, values: pl.Series) -> pl.Series:
        return pl.Series(pseudonymisation.make_tokens(self.key, domain, values), dtype=pl.String)
