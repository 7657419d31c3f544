"""The schemas of what commands answer with `--json`, and whether an answer is as its schema says."""

from __future__ import annotations

import json
import shlex
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.docs.documents import DOCS

SCHEMAS = DOCS / "reference" / "json"
WHY = "--why 'the yearly audit'"
ANSWERS = (
    "bcf synth southampton --people 200 --out made --json",
    "bcf init anytown --json",
    "bcf schema --json",
    "bcf schema gp_registrations --json",
    "bcf check adult_social_care southampton/landing/adult_social_care/adult_social_care.csv --json",
    "bcf trace clients.csv --register register.csv --out traced.csv --synthetic --json",
    "bcf query southampton 'from cohort_counts' --json",
    "bcf cohort southampton aged_75 --by cluster --json",
    "bcf doctor southampton --json",
    "bcf audit verify southampton --json",
    "bcf audit show southampton --json",
    "bcf audit export southampton --out trail.csv --json",
    f"bcf work-list southampton adult_social_care {WHY} --json",
    f"bcf national-trace export southampton adult_social_care {WHY} --json",
    f"bcf national-trace import southampton adult_social_care answer.csv {WHY} --json",
    f"bcf clerical-review export southampton adult_social_care {WHY} --json",
    f"bcf clerical-review import southampton adult_social_care reviewed.csv {WHY} --json",
    "bcf reidentify southampton --practice J82901 --requester a.gp --approver c.guardian --purpose 'direct care' "
    "--reason 'team meeting' --cohort high_risk_without_care_plan --json",
    "bcf keys list southampton --json",
    "bcf keys export-public southampton",
    f"bcf keys rotate southampton {WHY} --json",
    f"bcf keys carry southampton southampton/pseudonymised/RUN/strata.parquet --out strata.parquet {WHY} --json",
    f"bcf keys retire southampton pseudonym-1 {WHY} --json",
    f"bcf opt-outs export southampton {WHY} --json",
    f"bcf opt-outs import southampton answer.dat {WHY} --json",
    f"bcf opt-outs import southampton letters.txt --local {WHY} --json",
    f"bcf opt-outs empty southampton {WHY} --json",
    "bcf prune southampton --dry-run --json",
    f"bcf keys new bare {WHY} --json",
    "bcf audit show southampton --last 100 --json",
)
"""Commands in an order in which each can be given. On pages of their own `bcf run`, `bcf demo` and `bcf audit promises`, which take long, are tried."""


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """By command, such as `bcf keys list`, the schema of its answer."""
    found = {}
    for file in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        found |= dict.fromkeys(schema["x-commands"], schema)
    return found


def schema_of(command: str) -> dict[str, Any]:
    """The schema of the answer to a command as it is typed."""
    words = shlex.split(command, comments=True)
    return next(schemas()[name] for n in (3, 2) if (name := " ".join(words[:n])) in schemas())


def validate(command: str, answer: Any) -> None:
    """Fail, naming each part, unless the answer is as the schema of its command says."""
    schema = schema_of(command)
    errors = sorted(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(answer), key=lambda error: list(map(str, error.absolute_path)))
    lines = {f"  at {error.json_path}: {error.message[:200]}" for error in errors}
    assert not errors, f"`{command}` and its schema in docs/reference/json ({schema['title']}) differ:\n" + "\n".join(sorted(lines))
