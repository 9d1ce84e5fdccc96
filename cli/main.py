"""Entry point of `prism`: how errors are told, and with which code it ends."""

from __future__ import annotations

import signal
import sys

from cli.stop import STOPPED_BY
from schemas.errors import PrismError, UsageError

EXIT_FAILURE = 1
EXIT_USAGE = 2


def main() -> None:
    """Run `prism`. Errors that are meant to happen are one line on stderr, never a traceback.

    Exit codes: 0 done, 1 failed, 2 the caller can mend it, 128 + n stopped by signal n.
    """
    try:
        code = _run()
    except KeyboardInterrupt:
        code = STOPPED_BY + signal.SIGINT
    sys.exit(code)


def _run() -> int:
    # Here, because it takes a second, in which Ctrl-C is no error either.
    import typer

    from cli.app import app

    try:
        code: int = app(standalone_mode=False)
    except UsageError as error:
        code = _fail(str(error), EXIT_USAGE)
    except PrismError as error:
        code = _fail(str(error), EXIT_FAILURE)
    except typer.TyperException as error:
        code = _fail(error.format_message(), error.exit_code)
    except typer.Abort:
        code = _fail("aborted", EXIT_FAILURE)
    except OSError as error:
        if error.strerror is None:
            raise
        code = _fail(f"{error.filename or 'input/output'}: {error.strerror}", EXIT_FAILURE)
    return code


def _fail(text: str, code: int) -> int:
    if text:  # a command group without a command has printed its help instead
        print(f"prism: error: {' '.join(text.split())}", file=sys.stderr)
    return code
