"""``watcher demo``: November 2024 relived on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, command, end_with_failure
from watcher.demo import STORY, Relived, show
from watcher.records import Kind


@command("demo", "watcher demo --out advisory-watcher-demo")
def demo(
    call: Call,
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where events, mail and page go; a demo of before in it is replaced.",
        ),
    ] = Path("advisory-watcher-demo"),
) -> None:
    """Relive November 2024: an update released, pulled and re-released, with its mails.

    No network is used, no configuration and no state: the pages come with the program,
    and all that is written lies in one folder.
    """
    relived = show(out)
    if not call.quiet:
        _print_story(relived, out)
    end_with_failure(failed=not relived.as_it_happened)


def _print_story(relived: Relived, out: Path) -> None:
    """Print the mail of the pull, the three turns, and where everything lies."""
    report.write(
        f"November 2024 again, from {relived.answers} answers in the form of "
        "Microsoft's sources (the facts are real, the sentences ours)."
    )
    for _, mail in relived.turns:
        body = mail.get_body(("plain",))
        if mail["X-Watcher-Event"] == Kind.PULLED and body is not None:
            report.write(f"The mail of the pull:\n\n    Subject: {mail['Subject']}\n")
            for line in body.get_content().splitlines():
                report.write(f"    {line}".rstrip())
    report.write("\nWhat was told, a mail each:\n")
    beside: list[str] = []
    for event in relived.events:
        time = event["time"][:16].replace("T", " ")
        line = f"{time} UTC  {event['kind'].upper()}: {event['summary']}"
        if event["kind"] in STORY:
            sources = dict.fromkeys(piece["source"] for piece in event["evidence"])
            report.write(f"{line}\n    told by {', '.join(sources)}\n")
        else:
            beside.append(f"    {line}")
    report.write("\n".join(("In the same thread, beside them:", *beside)))
    report.write("\nTheir mails, for any mail program:")
    for path, mail in relived.turns:
        report.write(f"    {mail['Subject']}\n        {path}")
    report.write(
        f"\nAll mails, the welcome among them, lie in {out / 'mail'},\n"
        f"the page, for a browser, is {out / 'site' / 'index.html'}.\n"
        "To be told yourself: watcher init"
    )
