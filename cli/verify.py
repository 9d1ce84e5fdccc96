"""``prism verify``: does a broker keep what the product needs of one?"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from cli.common import JsonOption
from schemas.errors import BrokerUnreachable
from streams.transport.conformance import CheckResult, run_checks

EXIT_VIOLATIONS = 1
EXIT_UNREACHABLE = 2


def verify(
    broker: Annotated[
        str,
        typer.Option(
            "--broker",
            metavar="URL",
            help="kafka://host:port[,host:port], embedded:// or embedded:///folder.",
            show_default=False,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Run the conformance suite against a broker (Kafka, Redpanda, embedded).

    It creates topics and groups named prism-verify-*, and deletes the topics again. Exit code 0:
    all checks hold; 1: some do not; 2: no broker answers.
    """
    # What the client library has to say about a broker's faults stands in the table.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(quiet=as_json, highlight=False, soft_wrap=True)
    try:
        results = asyncio.run(run_checks(broker, tell=partial(_print, console)))
    except BrokerUnreachable as error:
        typer.echo(f"prism: error: {error}", err=True)
        raise typer.Exit(EXIT_UNREACHABLE) from error
    failed = [result for result in results if not result.passed]
    if as_json:
        document = {"broker": broker, "passed": not failed, "checks": results}
        typer.echo(msgspec.json.format(msgspec.json.encode(document)))
    console.print(f"{broker}: {len(results) - len(failed)} of {len(results)} checks hold")
    if failed:
        raise typer.Exit(EXIT_VIOLATIONS)


def _print(console: Console, result: CheckResult) -> None:
    mark = "[green]pass[/]" if result.passed else "[red]FAIL[/]"
    console.print(f"{mark} {result.seconds:6.2f} s  {result.statement}")
    if result.reason:
        console.print(Text(f"     {result.reason}", style="red"))
