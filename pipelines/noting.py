"""What a run keeps of each source's identities once they are traced: work-list, questions for the national service, pairs to be read, and links."""

from __future__ import annotations

from bcf_linkage.identifiable import examine
from bcf_linkage.identifiable.vault.source_lists import OF_RUNS, forget_list, lists_of
from pipelines import clerical, links, national_trace, work_lists
from pipelines.custody import vault_of
from pipelines.evidence import TRACED, with_rows
from pipelines.receive import ReadThrough, ReceiveContext
from pipelines.runs import Run


def note(run: Run, through: ReadThrough, context: ReceiveContext) -> None:
    """Keep all of these of an extract that has been read through. Of the register itself there is nothing to keep: all are traced to it."""
    if through.extract.name == examine.REGISTER:
        return
    _forget_unpublished(run, through.extract.name)
    people = with_rows(through, TRACED)
    work_lists.note(run, through.extract, people)
    national_trace.note(run, through.extract, people)
    clerical.note(run, through.extract, people, context.register)
    links.note(run, through.extract, people, context.tokens.key)


def _forget_unpublished(run: Run, extract: str) -> None:
    """Remove the lists of runs that were refused, or stopped, after they had noted them: no retention knows of those."""
    vault = vault_of(run.request.workspace, run.settings())
    for listed in OF_RUNS:
        for name in lists_of(vault, listed, extract):
            if name != run.run_id and not run.workspace.audit(name).is_dir():
                forget_list(vault, listed, extract, name)
