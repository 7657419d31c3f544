"""`bcf`: the commands. Each reads its arguments, calls one function and shows the result.

Imports are inside the commands, so that `bcf --help` answers at once.
"""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pipelines.cli.commands import audit, clerical_review, keys, national_trace, opt_outs, people
from pipelines.cli.commands.arguments import Json, WorkspaceFolder, example_help

app = typer.Typer(
    name="bcf",
    help="Link a locality's health and social care records, stratify its people by need, and publish counts that can be checked.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


# Groups of commands in `bcf --help`, in the order in which a newcomer needs them.
TRY_PANEL, RUN_PANEL, READ_PANEL = "Try it on made-up people", "Run it on your own extracts", "Read the results"
LINK_PANEL, GOVERN_PANEL = "Trace NHS numbers and improve links", "Govern the data"


class EngineOption(StrEnum):
    """Engine of a run after pseudonymisation."""

    POLARS = "polars"
    SPARK = "spark"


class FileFormat(StrEnum):
    """File format of extracts."""

    CSV = "csv"
    PARQUET = "parquet"


class Area(StrEnum):
    """Areas that counts are published for."""

    PRACTICE = "practice"
    CLUSTER = "cluster"
    LOCALITY = "locality"


WithPrefect = Annotated[
    bool, typer.Option("--prefect/--no-prefect", help="Run as a Prefect flow (on its embedded server unless PREFECT_API_URL is set), or without Prefect.")
]
People = Annotated[int, typer.Option(min=200, max=5_000_000, help="People on the GP register on the as-at date.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed: the same seed makes the same files.")]
AsAt = Annotated[datetime, typer.Option("--as-at", formats=["%Y-%m-%d"], help="Last day of a month: people are counted as at this day.", show_default=False)]


@app.command(rich_help_panel=TRY_PANEL, epilog=example_help("bcf demo", "bcf demo --locality thurrock --people 5000 --no-prefect"))
def demo(
    locality: Annotated[str, typer.Option(help="southampton, southend, castle_point_and_rochford, thurrock or durham.")] = "southampton",
    people: People = 25_000,
    seed: Seed = 1,
    out: Annotated[Path, typer.Option(help="Folder of the new workspace. An earlier demo there is replaced.")] = Path("demo"),
    prefect: WithPrefect = True,
    as_json: Json = False,
) -> None:
    """Make a synthetic locality, run everything on it and show the results. Every person is made up."""
    from pipelines.cli.demo import run_demo
    from pipelines.cli.screens import Screen

    screen = Screen(as_json)
    screen.show_summary(run_demo(locality, people, seed, out, prefect, screen), demo=True)


@app.command(rich_help_panel=TRY_PANEL, epilog=example_help("bcf synth southampton --people 25000 --seed 1 --out southampton"))
def synth(
    locality: Annotated[str, typer.Argument(help="southampton, southend, castle_point_and_rochford, thurrock or durham.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the new workspace.", show_default=False)],
    people: People = 25_000,
    seed: Seed = 1,
    file_format: Annotated[FileFormat, typer.Option("--format", help="File format of the extracts.")] = FileFormat.CSV,
    as_json: Json = False,
) -> None:
    """Write a synthetic locality: its extracts for 24 months and, in a separate folder, the truth about its people."""
    from pipelines.cli.demo import write_synthetic_workspace
    from pipelines.cli.screens import Screen

    screen = Screen(as_json)
    screen.show_synthetic_files(write_synthetic_workspace(locality, people, seed, out, "parquet" if file_format is FileFormat.PARQUET else "csv", screen))


@app.command(rich_help_panel=RUN_PANEL, epilog=example_help("bcf init southampton"))
def init(folder: Annotated[Path, typer.Argument(help="Folder of the new workspace.", show_default=False)], as_json: Json = False) -> None:
    """Make a new workspace: its folders, its keys and a commented locality.toml to fill in."""
    from pipelines.cli.screens import Screen
    from pipelines.workspace.new_workspace import create_workspace

    Screen(as_json).show_new_workspace(create_workspace(folder))


@app.command(rich_help_panel=RUN_PANEL, epilog=example_help("bcf schema", "bcf schema hospital_admissions --json"))
def schema(
    extract: Annotated[str | None, typer.Argument(help="One extract; without it, a summary of all.", show_default=False)] = None, as_json: Json = False
) -> None:
    """Show the declared columns of the extracts: types, allowed values, and the columns that identify a person."""
    from pipelines.cli.schema_listing import list_schema
    from pipelines.cli.screens import Screen

    Screen(as_json).show_schema(list_schema(extract))


@app.command(rich_help_panel=RUN_PANEL, epilog=example_help("bcf check adult_social_care council.csv", "bcf check gp_events events.csv --report events.html"))
def check(
    extract: Annotated[str, typer.Argument(help="Extract that the file is checked as; `bcf schema` lists them.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.", show_default=False)],
    report: Annotated[Path | None, typer.Option(help="Also write the report as a web page, to send to the supplier.", show_default=False)] = None,
    workspace: Annotated[Path | None, typer.Option(help="Use the tolerances of this workspace.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Validate one file without a run. Exit 1 if a run would refuse it. No value of the file is shown."""
    from pipelines.cli.check import check_file
    from pipelines.cli.screens import Screen

    result = check_file(extract, file, report, workspace)
    Screen(as_json).show_file_report(result, report)
    if not result.accepted:
        raise typer.Exit(1)


@app.command(
    rich_help_panel=RUN_PANEL, epilog=example_help("bcf run southampton --as-at 2014-09-30", "bcf run southampton --as-at 2014-09-30 --no-prefect --json")
)
def run(
    workspace: WorkspaceFolder,
    as_at: AsAt,
    engine: Annotated[EngineOption, typer.Option(help="Engine for the steps after pseudonymisation.")] = EngineOption.POLARS,
    prefect: WithPrefect = True,
    as_json: Json = False,
) -> None:
    """Run every step for one period and publish the results. If any step fails, the previous publication stays."""
    from pipelines.cli.run_once import run_once
    from pipelines.cli.screens import Screen

    screen = Screen(as_json)
    screen.show_summary(run_once(workspace, as_at.date(), engine.value, prefect, screen))


@app.command(rich_help_panel=READ_PANEL, epilog=example_help('bcf query southampton "select band, people, mean_cost from risk_bands"'))
def query(
    workspace: WorkspaceFolder,
    sql: Annotated[str, typer.Argument(help="One SELECT on the published tables, in DuckDB SQL.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Query the published tables. Only published counts can be read, no person's record."""
    from pipelines.cli.queries import run_query
    from pipelines.cli.screens import Screen

    Screen(as_json).show_rows(run_query(workspace, sql))


@app.command(rich_help_panel=READ_PANEL, epilog=example_help("bcf cohort southampton aged_75 --by practice"))
def cohort(
    workspace: WorkspaceFolder,
    name: Annotated[str, typer.Argument(help="Cohort of the published table cohort_counts.", show_default=False)],
    by: Annotated[Area, typer.Option(help="Areas to show.")] = Area.PRACTICE,
    as_json: Json = False,
) -> None:
    """Show the published counts of one cohort, by practice or cluster or for the locality."""
    from pipelines.cli.queries import query_cohort
    from pipelines.cli.screens import Screen

    Screen(as_json).show_rows(query_cohort(workspace, name, by.value))


@app.command(rich_help_panel=RUN_PANEL, epilog=example_help("bcf doctor", "bcf doctor southampton"))
def doctor(workspace: Annotated[Path | None, typer.Argument(help="Workspace to check as well.", show_default=False)] = None, as_json: Json = False) -> None:
    """Check this machine and a workspace, and say what to do about each fault. Exit 3 if there is a fault."""
    from pipelines.cli.doctor import check_setup
    from pipelines.cli.screens import Screen

    checks = check_setup(workspace)
    Screen(as_json).show_setup_checks(checks)
    if not all(check.passed for check in checks):
        raise typer.Exit(3)


@app.command(rich_help_panel=LINK_PANEL, epilog=example_help("bcf trace clients.csv --register register.parquet --out traced.csv"))
def trace(
    records: Annotated[
        Path,
        typer.Argument(
            help="CSV or Parquet file with record_id and any of nhs_number, given_name, family_name, birth_date, sex, postcode, address_line_1.",
            show_default=False,
        ),
    ],
    register: Annotated[Path, typer.Option(help="Register to search: a file with the same columns, or a whole gp_registrations extract.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Path of the results, one row for each record, .csv or .parquet.", show_default=False)],
    synthetic: Annotated[bool, typer.Option("--synthetic", help="The people are made up: accept NHS numbers of the range that is never issued.")] = False,
    as_json: Json = False,
) -> None:
    """Find or verify the NHS numbers of any file of people. Each record that is not linked gets the reason."""
    from pipelines.cli.screens import Screen
    from pipelines.cli.trace_files import trace_files

    Screen(as_json).show_trace_report(trace_files(records, register, out, synthetic, datetime.now().astimezone().date()))


app.add_typer(keys.app, name="keys", rich_help_panel=GOVERN_PANEL)
app.add_typer(audit.app, name="audit", rich_help_panel=GOVERN_PANEL)
app.add_typer(opt_outs.app, name="opt-outs", rich_help_panel=GOVERN_PANEL)
app.add_typer(national_trace.app, name="national-trace", rich_help_panel=LINK_PANEL)
app.add_typer(clerical_review.app, name="clerical-review", rich_help_panel=LINK_PANEL)
app.command(rich_help_panel=GOVERN_PANEL, epilog=example_help(people.EXAMPLE))(people.reidentify)
app.command(
    "work-list", rich_help_panel=LINK_PANEL, epilog=example_help('bcf work-list southampton adult_social_care --why "numbers for the council, October"')
)(people.work_list)
app.command(rich_help_panel=GOVERN_PANEL, epilog=example_help("bcf prune southampton --dry-run", "bcf prune southampton"))(people.prune)


def main(arguments: list[str] | None = None) -> None:
    """Run a command. An error is one line on standard error and an exit code. No traceback is shown, because it may contain a value."""
    from bcf_linkage.definitions.errors import BcfError
    from pipelines.support.process_environment import prepare_environment
    from pipelines.support.sanitise_errors import sanitised

    prepare_environment()
    try:
        app(arguments)
    except KeyboardInterrupt:
        _exit_with_error("stopped by the keyboard; the previous publication stays as it is", 130)
    except Exception as error:
        bcf_error = error if isinstance(error, BcfError) else sanitised(error)
        _exit_with_error(str(bcf_error), bcf_error.exit_code)


def _exit_with_error(line: str, code: int) -> NoReturn:
    from rich.console import Console
    from rich.markup import escape

    Console(stderr=True, soft_wrap=True).print(f"[bold red]refused:[/bold red] {escape(line)}", highlight=False)
    sys.exit(code)
