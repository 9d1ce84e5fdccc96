"""`prism simulate` as people run it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.pro
import pytest

from streams.simulator.exchange.client import connector
from tests.support.prism import first_lines, prism, started, write_recording


def _told(running: subprocess.Popen[str]) -> dict[str, Any]:
    """Where it says that it listens."""
    assert running.stdout is not None
    told: dict[str, Any] = json.loads(running.stdout.readline())
    return told


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


async def _last_trade(told: dict[str, Any], venue: str, symbol: str) -> Any:
    door = connector(port=told["port"], ca_file=told["ca_file"])
    async with aiohttp.ClientSession(connector=door) as session:
        client = getattr(ccxt.pro, venue)({"session": session})
        try:
            return (await client.watch_trades(symbol))[-1]
        finally:
            await client.close()


def test_ccxt_watches_it_and_ctrl_c_ends_it_cleanly() -> None:
    options = ("--venue", "binanceusdm,bybit", "--symbols", "btc", "--port", "0", "--json")
    with started("simulate", *options) as running:
        told = _told(running)
        assert told["venues"]["binanceusdm"]["symbols"] == ["BTC/USDT:USDT"]
        assert told["venues"]["bybit"]["symbols"] == ["BTC/USDT:USDT", "BTC/USDT"]
        assert Path(told["ca_file"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
        trade = asyncio.run(_last_trade(told, "binanceusdm", "BTC/USDT:USDT"))
        assert trade["symbol"] == "BTC/USDT:USDT"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert (running.returncode, out, err) == (0, "", "")
        assert not Path(told["ca_file"]).exists()


def test_faults_are_taken_over_http(tmp_path: Path) -> None:
    async def scenario(admin: str) -> None:
        async with aiohttp.ClientSession() as session:
            status = await (await session.get(admin)).json()
            assert list(status["venues"]) == ["coinbase"]
            assert status["venues"]["coinbase"]["symbols"] == {"BTC/USD": True}
            refuse = {"fault": "refuse", "venue": "coinbase", "status": 429, "count": 3}
            answer = await session.post(f"{admin}/faults", json=refuse)
            assert (answer.status, await answer.json()) == (200, {"met": 0})
            (in_force,) = await (await session.get(f"{admin}/faults")).json()
            assert in_force | refuse == in_force
            for bad in ({"fault": "flood"}, {"fault": "drop", "venue": "kraken"}):
                answer = await session.post(f"{admin}/faults", json=bad)
                assert answer.status == 400
                assert "error" in await answer.json()
            await session.delete(f"{admin}/faults")
            assert await (await session.get(f"{admin}/faults")).json() == []

    ca_file = tmp_path / "ca.pem"
    options = ("--venue", "coinbase", "--symbols", "BTC", "--port", "0", "--json")
    with started("simulate", *options, "--ca-file", ca_file) as running:
        told = _told(running)
        assert told["ca_file"] == str(ca_file)
        asyncio.run(scenario(told["admin"]))


def test_keys_are_made_once_and_orders_are_told_as_they_truly_are(tmp_path: Path) -> None:
    async def scenario(told: dict[str, Any], client_id: str) -> Any:
        (key,) = json.loads(Path(told["keys_file"]).read_text())
        door = connector(port=told["port"], ca_file=told["ca_file"])
        async with aiohttp.ClientSession(connector=door) as session:
            signed = {"apiKey": key["key"], "secret": key["secret"], "session": session}
            client = ccxt.pro.binanceusdm(signed)
            try:
                await client.create_order(
                    "BTC/USDT:USDT", "market", "buy", 0.01, None, {"clientOrderId": client_id}
                )
            finally:
                await client.close()
        async with aiohttp.ClientSession() as session:
            answer = await session.get(f"{told['admin']}/accounts?venue=binanceusdm")
            text = await answer.text()
            assert key["key"] not in text
            assert key["secret"] not in text
            assert (await session.get(f"{told['admin']}/accounts?venue=kraken")).status == 400
            return json.loads(text)["binanceusdm"]["desk"]

    keys = tmp_path / "keys.json"
    options = ("--venue", "binanceusdm", "--symbols", "BTC", "--port", "0", "--json")
    secrets = set()
    for client_id in ("first", "second"):
        with started("simulate", *options, "--keys", keys) as running:
            told = _told(running)
            assert told["keys_file"] == str(keys)
            truth = asyncio.run(scenario(told, client_id))
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
        (secret,) = (each["secret"] for each in json.loads(keys.read_text()))
        assert secret not in out + err
        secrets.add(secret)
        (order,) = truth["orders"]
        assert (order["client_id"], order["filled"], order["status"]) == (
            client_id,
            "0.01",
            "filled",
        )
        assert truth["positions"]["BTC/USDT:USDT"]["qty"] == "0.01"
    assert len(secrets) == 1
    assert keys.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("option", "status"), [("--limits", 429), ("--no-limits", 200)])
def test_limits_are_enforced_unless_they_are_switched_off(option: str, status: int) -> None:
    async def scenario(told: dict[str, Any]) -> int:
        door = connector(port=told["port"], ca_file=told["ca_file"])
        url = "https://fapi.binance.com/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1"
        async with aiohttp.ClientSession(connector=door) as session:
            statuses = set()
            for _ in range(250):  # 120 of them fit into a minute, and two minutes may be met
                async with session.get(url) as answer:
                    statuses.add(answer.status)
            return max(statuses)

    options = ("--venue", "binanceusdm", "--symbols", "BTC", "--port", "0", "--json", option)
    with started("simulate", *options) as running:
        met = asyncio.run(scenario(_told(running)))
    # Who goes on after a 429 is banned.
    assert met == 200 if status == 200 else met in (418, 429)


@pytest.mark.needs_market_data
def test_a_recording_is_played_on_its_venue_or_another(market_data: Path, tmp_path: Path) -> None:
    whole = market_data / "recordings" / "btc-eth-20240808" / "usdm" / "btcusdt_20240808.gz"
    path = write_recording(tmp_path / "btcusdt.gz", first_lines(whole, seconds=20))
    options = ("--source", path, "--venue", "hyperliquid", "--port", "0", "--json")
    with started("simulate", *options) as running:
        told = _told(running)
        assert told["venues"]["hyperliquid"]["symbols"] == ["BTC/USDC:USDC"]
        trade = asyncio.run(_last_trade(told, "hyperliquid", "BTC/USDC:USDC"))
        assert trade["price"] == pytest.approx(61_800, rel=0.01)
    done = prism("simulate", "--source", path, "--port", "0", "--json", "--duration", "0.1s")
    assert json.loads(done.stdout)["venues"].keys() == {"binanceusdm"}


def test_what_cannot_be_is_one_line_and_code_2(tmp_path: Path) -> None:
    for options, text in (
        (("--venue", "kraken"), "venue 'kraken' is not simulated"),
        (("--symbols", "XYZ"), "XYZ: no generated market"),
        (("--speed", "max"), "clients could not follow"),
        (("--source", "gone.gz"), "gone.gz"),
        (("--keys", _written(tmp_path / "keys.json", '[{"name": "a"}]')), "no list of keys"),
        (("--keys", _written(tmp_path / "none.json", "[]")), "no key in it"),
    ):
        done = prism("simulate", "--port", "0", *options)
        assert done.returncode == 2
        assert text in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_one_line_and_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for option, others in (("--port", ()), ("--admin-port", ("--port=0",))):
            done = prism("simulate", "--symbols", "BTC", option, str(port), *others)
            assert done.returncode == 1
            assert f"port {port}: address already in use; " in done.stderr
            assert f"give {option} another" in done.stderr
            assert len(done.stderr.splitlines()) == 1
