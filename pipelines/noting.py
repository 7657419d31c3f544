"""What a run keeps of each source's identities once they are traced: work-list, questions for the national service, pairs to be read, and links."""

from __future__ import annotations

from bcf_linkage.identifiable import examine
from pipelines import clerical, links, national_trace, work_lists
from pipelines.evidence import TRACED, with_rows
from pipelines.receive import ReadThrough, ReceiveContext
from pipelines.runs import Run


def note(run: Run, through: ReadThrough, context: ReceiveContext) -> None:
    """Keep all of these of an extract that has been read through. Of the register itself there is nothing to keep: all are traced to it."""
    if through.extract.name == examine.REGISTER:
        return
    people = with_rows(through, TRACED)
    work_lists.note(run, through.extract, people)
    national_trace.note(run, through.extract, people)
    clerical.note(run, through.extract, people, context.register)
    links.note(run, through.extract, people, context.tokens.key)
