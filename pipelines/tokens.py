"""The tokens of one run, each made once: the same people and spells come up in one extract after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import polars as pl

from bcf_linkage.identifiable import pseudonymise

MADE = {"domain": pl.String, "subject": pl.String, "person": pl.String}


@dataclass(repr=False)
class Tokens:
    """Who has been given a token under a project's key. It holds identifiers, so it is let go with the register."""

    key: bytes
    made: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MADE))
    making: Lock = field(default_factory=Lock)

    def beside(self, people: pl.DataFrame) -> pl.DataFrame:
        """People with `domain` and `subject` -> the same with their token as `person`."""
        wanted = people.select("domain", "subject").unique(maintain_order=True)
        with self.making:
            each = wanted.join(self.made, on=["domain", "subject"], how="anti", maintain_order="left").partition_by("domain", as_dict=True)
            made = pl.concat([self.made, *(new.with_columns(person=self._of(domain, new["subject"])) for (domain,), new in each.items())])
            self.made = made
        return people.join(made, on=["domain", "subject"], how="left", maintain_order="left")

    def of_spells(self, spells: pl.Series) -> pl.Series:
        """The token of each row's spell, null where it has none."""
        wanted = spells.drop_nulls().unique().rename("spell")
        found = wanted.to_frame().with_columns(token=self._of(pseudonymise.SPELL, wanted))
        return spells.rename("spell").to_frame().join(found, on="spell", how="left", maintain_order="left")["token"]

    def _of(self, domain: str, values: pl.Series) -> pl.Series:
        return pl.Series(pseudonymise.tokens(self.key, domain, values), dtype=pl.String)
