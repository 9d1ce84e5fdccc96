"""The way of ``prism execution`` to a real venue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from schemas.settings import Settings

if TYPE_CHECKING:
    from agents.venues.ccxt_live.opening import Opening


def opening_of(settings: Settings) -> Opening:
    """How to get at ``live.venue``. Raises :class:`~schemas.errors.SettingsError` for what is
    lacking.
    """
    from agents.runtime import live_terms
    from agents.venues.ccxt_live.credentials import credentials_of
    from agents.venues.ccxt_live.opening import Opening
    from streams.feed.session import open_session

    live_terms.check(settings)
    credentials = credentials_of(settings.live)
    return Opening(settings, credentials, lambda: open_session(settings.live))


def announce(settings: Settings) -> None:
    """Say what begins now."""
    from agents.runtime import live_terms

    typer.echo(f"prism: live: {live_terms.in_words(settings)}", err=True)
