"""`bcf`: the commands. Each reads its arguments, calls one function and shows what it gave; the work is elsewhere.

Imports stay inside the commands, so that `bcf --help` answers at once.
"""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import audit, clerical_review, keys, national_trace, opt_outs, people
from pipelines.commands.arguments import Json, Workspace, example

app = typer.Typer(
    name="bcf",
    help="Link a locality's health and social care records, stratify its people by need, and publish counts that can be checked.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Engine(StrEnum):
    """What carries the frames from the link onwards."""

    POLARS = "polars"
    SPARK = "spark"


class Format(StrEnum):
    """How extracts are written."""

    CSV = "csv"
    PARQUET = "parquet"


class Area(StrEnum):
    """The areas that counts are published for."""

    PRACTICE = "practice"
    CLUSTER = "cluster"
    LOCALITY = "locality"


WithPrefect = Annotated[
    bool, typer.Option("--prefect/--no-prefect", help="Run as a Prefect flow, on its embedded server unless PREFECT_API_URL is set; or plainly.")
]
People = Annotated[int, typer.Option(min=200, max=5_000_000, help="People on the register on the as-at date.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")]
AsAt = Annotated[datetime, typer.Option("--as-at", formats=["%Y-%m-%d"], help="The last day of a month.", show_default=False)]


@app.command(epilog=example("bcf demo", "bcf demo --locality thurrock --people 5000 --no-prefect"))
def demo(
    locality: Annotated[str, typer.Option(help="southampton, southend, castle_point_and_rochford, thurrock or durham.")] = "southampton",
    people: People = 25_000,
    seed: Seed = 1,
    out: Annotated[Path, typer.Option(help="The new workspace's folder; an earlier demo there is replaced.")] = Path("demo"),
    prefect: WithPrefect = True,
    as_json: Json = False,
) -> None:
    """Make a synthetic locality, run everything on it and show what came out. No real person is in it."""
    from pipelines.demo import demonstrate
    from pipelines.screens import Screen

    screen = Screen(as_json)
    screen.summary(demonstrate(locality, people, seed, out, prefect, screen), demo=True)


@app.command(epilog=example("bcf synth southampton --people 25000 --seed 1 --out southampton"))
def synth(
    locality: Annotated[str, typer.Argument(help="southampton, southend, castle_point_and_rochford, thurrock or durham.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The new workspace's folder.", show_default=False)],
    people: People = 25_000,
    seed: Seed = 1,
    file_format: Annotated[Format, typer.Option("--format", help="How the extracts are written.")] = Format.CSV,
    as_json: Json = False,
) -> None:
    """Write a synthetic locality's extracts for 24 months and, apart from them, the truth about its people."""
    from pipelines.demo import synthesise
    from pipelines.screens import Screen

    screen = Screen(as_json)
    screen.synthesised(synthesise(locality, people, seed, out, "parquet" if file_format is Format.PARQUET else "csv", screen))


@app.command(epilog=example("bcf init southampton"))
def init(folder: Annotated[Path, typer.Argument(help="The new workspace's folder.", show_default=False)], as_json: Json = False) -> None:
    """Make a new workspace: its folders, a key of its own and a commented locality.toml to fill in."""
    from pipelines.screens import Screen
    from pipelines.workspaces import initialise

    Screen(as_json).initialised(initialise(folder))


@app.command(epilog=example("bcf schema", "bcf schema hospital_admissions --json"))
def schema(
    extract: Annotated[str | None, typer.Argument(help="One extract; without it, all of them in short.", show_default=False)] = None, as_json: Json = False
) -> None:
    """Show the declared columns of the extracts: types, allowed values, and what identifies a person."""
    from pipelines.schema_listing import listing
    from pipelines.screens import Screen

    Screen(as_json).schema(listing(extract))


@app.command(epilog=example("bcf check adult_social_care council.csv", "bcf check gp_events events.csv --report events.html"))
def check(
    extract: Annotated[str, typer.Argument(help="The extract that the file should be; `bcf schema` lists them.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file.", show_default=False)],
    report: Annotated[Path | None, typer.Option(help="Also write a report as a web page that its supplier can be sent.", show_default=False)] = None,
    workspace: Annotated[Path | None, typer.Option(help="Judge by this workspace's own tolerances.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Validate one file without running anything. Exit 1 if it would be refused. No value of the file is shown."""
    from pipelines.check import check_file
    from pipelines.screens import Screen

    outcome = check_file(extract, file, report, workspace)
    Screen(as_json).checked(outcome, report)
    if not outcome.accepted:
        raise typer.Exit(1)


@app.command(epilog=example("bcf trace clients.csv --register register.parquet --out traced.csv"))
def trace(
    records: Annotated[
        Path,
        typer.Argument(
            help="A CSV or Parquet file with record_id and any of nhs_number, given_name, family_name, birth_date, sex, postcode, address_line_1.",
            show_default=False,
        ),
    ],
    register: Annotated[Path, typer.Option(help="Whom to look among: the same columns, or a whole gp_registrations file.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where the answers go, one row for each record, as .csv or .parquet.", show_default=False)],
    synthetic: Annotated[bool, typer.Option("--synthetic", help="The people are made up: NHS numbers of the never-issued range count.")] = False,
    as_json: Json = False,
) -> None:
    """Find or verify the NHS numbers of any file of people. Nobody is guessed at: who stays untraced is told why."""
    from pipelines.screens import Screen
    from pipelines.trace_files import trace_files

    Screen(as_json).traced(trace_files(records, register, out, synthetic, datetime.now().astimezone().date()))


@app.command(epilog=example("bcf run southampton --as-at 2014-09-30", "bcf run southampton --as-at 2014-09-30 --no-prefect --json"))
def run(
    workspace: Workspace,
    as_at: AsAt,
    engine: Annotated[Engine, typer.Option(help="What carries the frames once they are pseudonymised.")] = Engine.POLARS,
    prefect: WithPrefect = True,
    as_json: Json = False,
) -> None:
    """Run the whole river for one period and publish it. If anything is refused, the previous publication stands."""
    from pipelines.running import run_once
    from pipelines.screens import Screen

    screen = Screen(as_json)
    screen.summary(run_once(workspace, as_at.date(), engine.value, prefect, screen))


@app.command(epilog=example('bcf query southampton "select band, people, mean_cost from risk_bands"'))
def query(
    workspace: Workspace,
    sql: Annotated[str, typer.Argument(help="One SELECT on the published tables, in DuckDB's SQL.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Ask the published tables. Nothing but published counts can be reached from here."""
    from pipelines.queries import ask
    from pipelines.screens import Screen

    Screen(as_json).rows(ask(workspace, sql))


@app.command(epilog=example("bcf cohort southampton aged_75 --by practice"))
def cohort(
    workspace: Workspace,
    name: Annotated[str, typer.Argument(help="A cohort of the published table cohort_counts.", show_default=False)],
    by: Annotated[Area, typer.Option(help="The areas to show.")] = Area.PRACTICE,
    as_json: Json = False,
) -> None:
    """Show one cohort's published counts by practice, cluster or for the locality."""
    from pipelines.queries import cohort_rows
    from pipelines.screens import Screen

    Screen(as_json).rows(cohort_rows(workspace, name, by.value))


@app.command(epilog=example("bcf doctor", "bcf doctor southampton"))
def doctor(workspace: Annotated[Path | None, typer.Argument(help="A workspace to look at as well.", show_default=False)] = None, as_json: Json = False) -> None:
    """Say what is wrong with this machine or workspace, and what to do about it. Exit 3 if anything is."""
    from pipelines.doctor import examine
    from pipelines.screens import Screen

    findings = examine(workspace)
    Screen(as_json).findings(findings)
    if not all(finding.well for finding in findings):
        raise typer.Exit(3)


app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(opt_outs.app, name="opt-outs")
app.add_typer(national_trace.app, name="national-trace")
app.add_typer(clerical_review.app, name="clerical-review")
app.command(epilog=example(people.EXAMPLE))(people.reidentify)
app.command("work-list", epilog=example('bcf work-list southampton adult_social_care --why "numbers for the council, October"'))(people.work_list)
app.command(epilog=example("bcf prune southampton --dry-run", "bcf prune southampton"))(people.prune)


def main(arguments: list[str] | None = None) -> None:
    """Run a command. A refusal is one line on standard error and its exit code; no traceback is ever shown, as one may hold a value."""
    from bcf_linkage.definitions.errors import Refusal
    from pipelines.scrub import scrubbed

    try:
        app(arguments)
    except KeyboardInterrupt:
        _refuse("stopped by the keyboard; the previous publication stands", 130)
    except Refusal as refusal:
        _refuse(str(refusal), refusal.exit_code)
    except Exception as error:
        scrubbed_error = scrubbed(error)
        _refuse(str(scrubbed_error), scrubbed_error.exit_code)


def _refuse(line: str, code: int) -> Any:
    from rich.console import Console

    Console(stderr=True, soft_wrap=True).print(f"[bold red]refused:[/bold red] {_escaped(line)}", highlight=False)
    sys.exit(code)


def _escaped(line: str) -> str:
    from rich.markup import escape

    return escape(line)
