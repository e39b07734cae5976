"""A fault script: its rules in order, and how often each has struck."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated.faults.rules import (
    ArchiveRule,
    DelistRule,
    FaultRule,
    ListRule,
    MarketRule,
    OutageRule,
    RequestTarget,
    ResponseRule,
    ReviseRule,
    SkewRule,
    StallRule,
)

_RULE: TypeAdapter[ResponseRule | ArchiveRule | MarketRule] = TypeAdapter(FaultRule)


class FaultScript:
    """Rules that may be added and cleared while the exchange serves.

    `struck[i]` counts how often the i-th rule changed an answer (rules about the market and the
    archive's files hold by themselves and are not counted).
    """

    def __init__(self, rules: Iterable[Mapping[str, Any]] = ()) -> None:
        self._lock = Lock()
        self._rules: list[ResponseRule | ArchiveRule | MarketRule] = []
        self._match_counts: list[int] = []
        self.hit_counts: list[int] = []
        for rule in rules:
            self.add_rule(rule)

    @classmethod
    def from_file(cls, path: Path) -> "FaultScript":
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

    def add_rule(self, rule: Mapping[str, Any]) -> None:
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
            self._match_counts.append(0)
            self.hit_counts.append(0)

    def clear_rules(self) -> None:
        with self._lock:
            self._rules, self._match_counts, self.hit_counts = [], [], []

    @property
    def market_rules(self) -> tuple[MarketRule, ...]:
        """Rules about the candles themselves."""
        return tuple(
            r for r in self._rules if isinstance(r, OutageRule | ReviseRule | ListRule | DelistRule)
        )

    def select_archive_rules(self, asked: RequestTarget, now: int) -> tuple[ArchiveRule, ...]:
        """Rules about the archive file of that symbol, interval and day."""
        return tuple(
            r for r in self._rules if isinstance(r, ArchiveRule) and r.matches_request(asked, now)
        )

    def select_response_rules(self, asked: RequestTarget, now: int) -> list[ResponseRule]:
        """What happens to one request: any stalls and skews, and at most one other, last."""
        with self._lock:
            chosen: list[ResponseRule] = []
            for index, rule in enumerate(self._rules):
                if isinstance(rule, ArchiveRule | OutageRule | ReviseRule | ListRule | DelistRule):
                    continue
                if rule.matches_request(asked, now) and self._record_match(index, rule):
                    chosen.append(rule)
                    if not isinstance(rule, StallRule | SkewRule):
                        break
            return chosen

    def _record_match(self, index: int, rule: ResponseRule) -> bool:
        self._match_counts[index] += 1
        strikes = rule.nth is None or rule.nth[0] <= self._match_counts[index] <= rule.nth[1]
        self.hit_counts[index] += strikes
        return strikes
