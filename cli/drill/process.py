"""The trader's process, as the drill has it in hand."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from cli.drill.lines import Asked, Told, decode_told
from schemas.errors import PrismError

_TAIL = 2_000
_END_WITHIN_S = 60.0


class TraderEnded(PrismError):
    """The trader ended by itself."""


class TraderProcess:
    """Starts it, kills it, starts it again; ``heard`` is what it told since its last start."""

    def __init__(self, settings: Path, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.heard: list[Told] = []

    async def start(self) -> int:
        """Start it; its process id."""
        self.heard = []
        with self._log.open("ab") as file:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cli.drill.trader", str(self._settings),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=file,
            )  # fmt: skip
        self._reading = asyncio.create_task(self._read(self._process))
        return self._process.pid

    async def ask(self, asked: Asked) -> None:
        """Say something to it."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(asked) + b"\n")
        await self._process.stdin.drain()

    def check(self) -> None:
        """Raise :class:`TraderEnded` if it is not there any more."""
        if self._process is not None and self._process.returncode is not None:
            text = self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
            raise TraderEnded(f"the trader ended with {self._process.returncode}: {text}")

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self._over()

    async def end(self) -> None:
        """Let it end by itself, as after Ctrl-C; one that does not is killed."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_WITHIN_S):
                await self._process.wait()
        finally:
            await self.kill()

    async def _over(self) -> None:
        if self._process is not None:
            await self._process.wait()
        if self._reading is not None:
            await self._reading
        self._process, self._reading = None, None

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self.heard.append(decode_told(line))
