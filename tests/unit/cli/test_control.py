"""What `prism halt` and its like say to people."""

from __future__ import annotations

import msgspec

from cli.control import Outcome, _text
from schemas.control import Halt, TradingMode

GIVEN = Halt("paper", None, "news", "id", "ada", "", 1, TradingMode.HALT)


def test_a_halt_that_nobody_took_yet_does_not_say_that_the_account_may_trade() -> None:
    said = _text(Outcome(GIVEN, None, None, None, (), (), ()))
    assert "may trade" not in said
    assert said.endswith("taken    not yet: it holds once the account has read it")
    taken = msgspec.structs.replace(GIVEN, effective_ns=5)
    assert "taken" not in _text(Outcome(GIVEN, taken, None, None, (), (), ()))
