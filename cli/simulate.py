"""``prism simulate``: the simulated exchange as a server of its own."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from cli.common import PANEL_OUTPUT
from cli.pace import parse_duration_s, parse_speed
from cli.stop import Stop
from schemas.clock import monotonic_ns, now_ns
from schemas.errors import PrismError, UsageError
from schemas.frame import NS_PER_S
from streams.simulator.exchange.admin import AdminServer
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.offer import generated_markets, recorded_market
from streams.simulator.exchange.trading.keys import keys_of
from streams.simulator.exchange.venues import VENUES

PANEL_MARKET = "Market"
PANEL_SERVER = "Server"
GENERATED = "generated"

_LOOK_EVERY_S = 0.1


def simulate(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    venue: Annotated[
        str | None,
        typer.Option(
            metavar="VENUE,...",
            help=f"Venues that list something ({', '.join(VENUES)}); all of them, or that of the "
            "recording, if left out.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECORDING",
            help="Recording to play again and again, or `generated`; repeat for several symbols.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
    symbols: Annotated[
        str | None,
        typer.Option(
            metavar="COIN,...",
            help="Coins of the generated market, as BTC,ETH; all that there are if left out.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the generated market.", rich_help_panel=PANEL_MARKET)
    ] = 7,
    speed: Annotated[
        str, typer.Option(help="Market time per wall time: 1x, 20x.", rich_help_panel=PANEL_MARKET)
    ] = "1x",
    duration: Annotated[
        str | None,
        typer.Option(
            help="Stop after this much wall time: 20s, 5m, 1h.", rich_help_panel=PANEL_MARKET
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65_535,
            help="Port on loopback; 0 for any.",
            rich_help_panel=PANEL_SERVER,
        ),
    ] = 8443,
    admin_port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65_535,
            help="Port of the endpoint for faults; 0 for any.",
            rich_help_panel=PANEL_SERVER,
        ),
    ] = 0,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            help="Where to write the certificate to trust; a temporary file if left out.",
            rich_help_panel=PANEL_SERVER,
        ),
    ] = None,
    limits: Annotated[
        bool,
        typer.Option(
            help="Refuse clients that ask too much, as Binance and Bybit do.",
            rich_help_panel=PANEL_SERVER,
        ),
    ] = True,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="File with the keys of accounts; made with one key if there is none, a "
            "temporary file if left out.",
            rich_help_panel=PANEL_SERVER,
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print where it listens as JSON.", rich_help_panel=PANEL_OUTPUT
        ),
    ] = False,
) -> None:
    """Serve simulated exchanges in the venues' own protocols, for clients as they are.

    REST and WebSocket of all venues on one port of loopback, told apart by host name, with TLS. A
    client resolves the venues' real names to it and trusts its certificate; it says how. Ctrl-C
    stops it cleanly.
    """
    pace = parse_speed(speed)
    if pace is None:
        raise UsageError("speed max: clients could not follow; write it like 1x or 20x")
    duration_s = None if duration is None else parse_duration_s(duration)
    exchange = SimulatedExchange(speed=pace, limits=limits)
    _list(exchange, venue=venue, source=source, symbols=symbols, seed=seed)
    with Stop() as stop, tempfile.TemporaryDirectory(prefix="prism-keys-") as folder:
        keys = keys or Path(folder) / "keys.json"
        for key in keys_of(keys):
            exchange.open_accounts(key)
        uvloop.run(
            _serve(
                exchange,
                stop,
                port=port,
                admin_port=admin_port,
                ca_file=ca_file,
                keys=keys,
                duration_s=duration_s,
                as_json=as_json,
            )
        )


def _list(
    exchange: SimulatedExchange,
    *,
    venue: str | None,
    source: list[str] | None,
    symbols: str | None,
    seed: int,
) -> None:
    """Let venues list what is to be played; all of it starts now."""
    start_ns = now_ns()
    venues = None if venue is None else [name.strip() for name in venue.split(",")]
    its_own: list[str | None] = [None]
    recordings = [Path(name) for name in source or () if name != GENERATED]
    for path in recordings:
        for chosen in venues or its_own:
            where, market = recorded_market([path], venue=chosen, start_ns=start_ns, loop=True)
            exchange.add(where, market)
    if recordings and GENERATED not in (source or ()):
        if symbols is not None:
            raise UsageError("--symbols chooses of the generated market; leave it out")
        return
    coins = None if symbols is None else [name.strip().upper() for name in symbols.split(",")]
    for name in venues or VENUES:
        for market in generated_markets(name, coins=coins, seed=seed, start_ns=start_ns):
            exchange.add(name, market)


async def _serve(
    exchange: SimulatedExchange,
    stop: Stop,
    *,
    port: int,
    admin_port: int,
    ca_file: Path | None,
    keys: Path,
    duration_s: float | None,
    as_json: bool,
) -> None:
    admin = AdminServer(exchange)
    try:
        with _free(port, "--port"):
            await exchange.start(port=port, ca_file=ca_file)
        with _free(admin_port, "--admin-port"):
            where = await admin.start(port=admin_port)
        tell = _as_json if as_json else _as_text
        typer.echo(tell(exchange, where, keys))
        end_ns = None if duration_s is None else monotonic_ns() + round(duration_s * NS_PER_S)
        while not stop.requested and (end_ns is None or monotonic_ns() < end_ns):
            exchange.check()
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        await admin.stop()
        await exchange.stop()


@contextmanager
def _free(port: int, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PrismError(
            f"port {port}: address already in use; end what listens there, or give {option} "
            "another, 0 for any"
        ) from error


def _as_json(exchange: SimulatedExchange, admin_port: int, keys: Path) -> str:
    value = {
        "port": exchange.port,
        "ca_file": str(exchange.ca_file),
        "keys_file": str(keys),
        "admin": f"http://127.0.0.1:{admin_port}",
        "venues": {
            venue.id: {"hosts": venue.hosts, "symbols": list(venue.listings)}
            for venue in exchange.venues.values()
            if venue.listings
        },
    }
    return msgspec.json.encode(value).decode()


def _as_text(exchange: SimulatedExchange, admin_port: int, keys: Path) -> str:
    listed = [
        f"  {venue.id:<12} {' '.join(venue.listings)}"
        for venue in exchange.venues.values()
        if venue.listings
    ]
    first = next(venue.id for venue in exchange.venues.values() if venue.listings)
    return "\n".join(
        (
            "Simulated exchange, market time running. Ctrl-C stops it.",
            *listed,
            f"REST and WebSocket  https://127.0.0.1:{exchange.port}, told apart by host name",
            f"trust               {exchange.ca_file}",
            f"keys of accounts    {keys}",
            f"status and faults   http://127.0.0.1:{admin_port}/",
            "ccxt.pro reaches it under the venues' real addresses, in a running event loop:",
            "  from streams.simulator.exchange.client import connector",
            f'  door = connector(port={exchange.port}, ca_file="{exchange.ca_file}")',
            "  session = aiohttp.ClientSession(connector=door)",
            f'  client = ccxt.pro.{first}({{"session": session}})',
        )
    )
