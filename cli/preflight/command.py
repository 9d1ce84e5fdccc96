"""``prism preflight``: may this account trade?"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Annotated

import msgspec
import typer

from agents.venues.ccxt_live.credentials import Credentials
from cli.client_logs import quiet_client
from cli.common import PANEL_OUTPUT, ConfigOption, SetOption, settings_of
from cli.preflight.checklist import Checklist, Grade
from cli.preflight.of_broker import check_broker
from cli.preflight.of_ledger import Books, check_ledger
from cli.preflight.of_settings import check_keys, check_settings
from cli.roles import BrokerOption, SymbolsOption, waiting_for
from schemas.clock import now_ns
from schemas.errors import SettingsError
from schemas.settings import Settings


def preflight(
    *,
    broker: BrokerOption = None,
    symbols: SymbolsOption = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the checks as JSON.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Check all that must hold before the account trades; change nothing.

    With the settings of `prism execution`. On paper it also says what is missing for live trading.
    A line per check: ok, WARN (works, but know it) or FAIL, and what to do. Exit code 0: nothing
    failed; 1: something did.
    """
    given = [*(overrides or []), *waiting_for(symbols)]
    if broker is not None:
        given.append(f"broker.url={broker}")
    settings = settings_of(config, given)
    quiet_client()
    for noisy in ("aiokafka", "ccxt"):  # what they have to say stands in the lines
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    sheet = asyncio.run(_look(settings))
    if as_json:
        document = {"mode": "live" if sheet.live else "paper", "passed": sheet.passed,
                    "checks": sheet.checks}  # fmt: skip
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        for check in sheet:
            typer.echo(str(check))
        mode = "live trading" if sheet.live else "paper trading"
        verdict = "may begin" if sheet.passed else "must not begin"
        counts = ", ".join(f"{sheet.count(grade)} {grade}" for grade in Grade)
        typer.echo(f"{mode} {verdict}: {counts}")
    if not sheet.passed:
        raise typer.Exit(1)


async def _look(settings: Settings) -> Checklist:
    sheet = Checklist(live=settings.live.enabled)
    check_settings(sheet, settings)
    credentials = check_keys(sheet, settings, os.environ)
    books = check_ledger(sheet, settings)
    await check_broker(sheet, settings, now_ns=now_ns())
    if credentials is None:
        sheet.fail_live("venue", "not asked: no keys", "give keys")
    else:
        await _ask_venue(sheet, settings, credentials, books)
    return sheet


async def _ask_venue(
    sheet: Checklist, settings: Settings, credentials: Credentials, books: Books | None
) -> None:
    from agents.venues.ccxt_live.venues import gateway_of
    from cli.preflight.of_venue import VenueChecks
    from streams.feed.session import open_session

    async with open_session(settings.live) as session:
        try:
            gateway = gateway_of(settings.live, credentials, session)
        except SettingsError as error:
            fact, _, action = str(error).partition("; ")
            sheet.fail_live("venue", fact, action)
            return
        try:
            await VenueChecks(sheet, settings, gateway, books=books).run()
        finally:
            await gateway.close()
