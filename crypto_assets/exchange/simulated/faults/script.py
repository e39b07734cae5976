"""A fault script: its rules in order, and how often each has struck."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated.faults.rules import (
    AnyAnswer,
    AnyRule,
    Archive,
    Asked,
    Delist,
    List,
    MarketRule,
    Outage,
    Revise,
    Skew,
    Stall,
)

_RULE: TypeAdapter[AnyAnswer | Archive | MarketRule] = TypeAdapter(AnyRule)


class FaultScript:
    """Rules that may be added and cleared while the exchange serves.

    `struck[i]` counts how often the i-th rule changed an answer (rules about the market and the
    archive's files hold by themselves and are not counted).
    """

    def __init__(self, rules: Iterable[Mapping[str, Any]] = ()) -> None:
        self._lock = Lock()
        self._rules: list[AnyAnswer | Archive | MarketRule] = []
        self._seen: list[int] = []
        self.struck: list[int] = []
        for rule in rules:
            self.add(rule)

    @classmethod
    def read(cls, path: Path) -> "FaultScript":
        """Raises WrongUse naming the file and the rule that is wrong."""
        try:
            rules = orjson.loads(path.read_bytes())
        except OSError as error:
            raise WrongUse(f"cannot read the fault script {path}: {error.strerror}") from None
        except orjson.JSONDecodeError as error:
            raise WrongUse(f"{path}: not JSON: {error}") from None
        if not isinstance(rules, list):
            raise WrongUse(f"{path}: a fault script is a JSON array of rules")
        try:
            return cls(rules)
        except WrongUse as error:
            raise WrongUse(f"{path}: {error}") from None

    def add(self, rule: Mapping[str, Any]) -> None:
        """Append a rule as it stands in a script. Raises WrongUse."""
        number = len(self._rules) + 1
        try:
            checked = _RULE.validate_python(rule)
        except WrongUse as error:
            raise WrongUse(f"rule {number}: {error}") from None
        except ValidationError as error:
            flaw = error.errors()[0]
            place = ".".join(str(part) for part in flaw["loc"])
            raise WrongUse(f"rule {number}: {place}: {flaw['msg']}") from None
        with self._lock:
            self._rules.append(checked)
            self._seen.append(0)
            self.struck.append(0)

    def clear(self) -> None:
        with self._lock:
            self._rules, self._seen, self.struck = [], [], []

    @property
    def market(self) -> tuple[MarketRule, ...]:
        """Rules about the candles themselves."""
        return tuple(r for r in self._rules if isinstance(r, Outage | Revise | List | Delist))

    def files(self, asked: Asked, now: int) -> tuple[Archive, ...]:
        """Rules about the archive file of that symbol, interval and day."""
        return tuple(r for r in self._rules if isinstance(r, Archive) and r.applies(asked, now))

    def answers(self, asked: Asked, now: int) -> list[AnyAnswer]:
        """What happens to one request: any stalls and skews, and at most one other, last."""
        with self._lock:
            chosen: list[AnyAnswer] = []
            for index, rule in enumerate(self._rules):
                if isinstance(rule, Archive | Outage | Revise | List | Delist):
                    continue
                if rule.applies(asked, now) and self._strikes(index, rule):
                    chosen.append(rule)
                    if not isinstance(rule, Stall | Skew):
                        break
            return chosen

    def _strikes(self, index: int, rule: AnyAnswer) -> bool:
        self._seen[index] += 1
        strikes = rule.nth is None or rule.nth[0] <= self._seen[index] <= rule.nth[1]
        self.struck[index] += strikes
        return strikes
