"""Checks of the settings alone: the conditions of live trading, symbols, keys."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from agents.runtime.live_terms import lacking
from agents.venues.ccxt_live.credentials import Credentials, credentials_of
from cli.preflight.checklist import Checklist
from schemas.errors import SettingsError
from schemas.settings import Settings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_settings(sheet: Checklist, settings: Settings) -> None:
    """Mode, symbols, dimensions, terms of live trading."""
    _mode(sheet, settings)
    _symbols(sheet, settings)
    enabled = settings.dimensions.enabled
    sheet.ok("dimensions", f"{len(enabled)} load with their options: {', '.join(enabled)}")
    live, lacks = settings.live, list(lacking(settings))
    for text in lacks:
        fact, _, action = text.partition(": ")
        sheet.fail_live("terms", fact, action)
    if not lacks:
        sheet.ok("terms", "confirmed, as `prism execution` asks for them")
    if live.leverage < settings.risk.max_leverage:
        sheet.warn(
            "leverage",
            f"live.leverage {live.leverage} at the venue is below risk.max_leverage "
            f"{settings.risk.max_leverage}: it will refuse what the account allows",
            "make them equal",
        )


def _mode(sheet: Checklist, settings: Settings) -> None:
    live = settings.live
    if not live.enabled:
        sheet.ok("mode", f"paper, account {settings.account.id}, {settings.paper.balance} "
                 f"{settings.paper.currency}: no order leaves this machine")  # fmt: skip
        sheet.fail_live("mode", "live.enabled is false", "live.enabled=true")
        return
    if live.connect_to:
        where = f"a simulated exchange at {live.connect_to}"
    elif live.sandbox:
        where = "its testnet or demo"
    else:
        where = "REAL MONEY"
    sheet.ok("mode", f"live at {live.venue}, {where}, account {settings.account.id}, "
             f"{live.capital} {live.currency}")  # fmt: skip


def _symbols(sheet: Checklist, settings: Settings) -> None:
    keys, is_inside = settings.runtime.symbols, settings.broker.url.startswith("embedded:")
    if keys:
        sheet.ok("symbols", ", ".join(keys))
    elif is_inside and not sheet.live:
        sheet.ok("symbols", "those that `prism up` plays")
    else:
        sheet.fail("symbols", "none", "name them with --symbols or runtime.symbols")


def check_keys(
    sheet: Checklist, settings: Settings, environ: Mapping[str, str]
) -> Credentials | None:
    """The API key, which is never told; ``None`` if there is none."""
    live = settings.live
    try:
        credentials = credentials_of(live, environ)
    except SettingsError as error:
        fact, _, action = str(error).partition(": ")
        sheet.fail_live("keys", fact, action)
        return None
    files = [path for path in (live.key_file, live.secret_file) if path is not None]
    open_to_others = [path for path in files if _readable_by_others(path)]
    if open_to_others:
        named = " ".join(str(path) for path in open_to_others)
        sheet.warn("keys", f"{named}: others may read it", f"chmod 600 {named}")
    else:
        sheet.ok("keys", f"from {'files' if files else 'the environment'}")
    return credentials


def _readable_by_others(path: Path) -> bool:
    return bool(path.stat().st_mode & _OTHERS)
