"""What a key is for and where it comes from. The settings read these; only the vault fetches a key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class KeyPurpose(StrEnum):
    """What a key is for. One key is never used for two purposes."""

    PSEUDONYM = "pseudonym"
    REGISTER = "register"


@dataclass(frozen=True)
class KeySource:
    """Where keys are fetched. `{id}` in the template is replaced by the key's id; in the name of a variable, in capitals (`KEY_PSEUDONYM_2`)."""

    kind: Literal["file", "environment", "command"]
    template: tuple[str, ...]

    def resolve(self, key_id: str) -> tuple[str, ...]:
        """Return the template filled in for one key."""
        substitute = key_id.upper().replace("-", "_") if self.kind == "environment" else key_id
        return tuple(word.replace("{id}", substitute) for word in self.template)

    def location(self, key_id: str) -> str:
        """Describe where the key is, without a secret: of a command only its program, as an argument may be a password."""
        first = self.resolve(key_id)[0]
        return {"file": first, "environment": f"environment variable {first}", "command": f"command {first}"}[self.kind]
