"""A fault script: its rules in order, and how often each was applied."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Self

import orjson
from pydantic import TypeAdapter, ValidationError

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated.faults.rules import (
    ArchiveRule,
    FaultRule,
    MarketRule,
    RequestTarget,
    ResponseRule,
    SkewRule,
    StallRule,
)

_RULE: TypeAdapter[ResponseRule | ArchiveRule | MarketRule] = TypeAdapter(FaultRule)


class FaultScript:
    """Rules that may be added and cleared while the exchange serves.

    `hit_counts[i]` is the number of responses that the i-th rule changed. Rules for the market and
    for archive files are not counted.
    """

    def __init__(self, rules: Iterable[Mapping[str, Any]] = ()) -> None:
        self._lock = Lock()
        self._rules: list[ResponseRule | ArchiveRule | MarketRule] = []
        self._match_counts: list[int] = []
        self.hit_counts: list[int] = []
        for rule in rules:
            self.add_rule(rule)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a script. Raises WrongUse with the file and the invalid rule."""
        try:
            rules = orjson.loads(path.read_bytes())
        except OSError as error:
            raise WrongUse(f"cannot read the fault script {path}: {error.strerror}") from None
        except orjson.JSONDecodeError as error:
            raise WrongUse(f"{path}: not JSON: {error}") from None
        if not isinstance(rules, list):
            raise WrongUse(f"{path}: a fault script must be a JSON array of rules")
        try:
            return cls(rules)
        except WrongUse as error:
            raise WrongUse(f"{path}: {error}") from None

    def add_rule(self, rule: Mapping[str, Any]) -> None:
        """Append a rule in the form of a script. Raises WrongUse."""
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
        """Rules that change candles."""
        return tuple(rule for rule in self._rules if isinstance(rule, MarketRule))

    def select_archive_rules(self, target: RequestTarget, now: int) -> tuple[ArchiveRule, ...]:
        """Return the rules for an archive file."""
        return tuple(
            r for r in self._rules if isinstance(r, ArchiveRule) and r.matches_request(target, now)
        )

    def select_response_rules(self, target: RequestTarget, now: int) -> list[ResponseRule]:
        """Return the rules for a request: any stalls and skews, then at most one other rule."""
        with self._lock:
            selected: list[ResponseRule] = []
            for index, rule in enumerate(self._rules):
                if not isinstance(rule, ResponseRule):
                    continue
                if rule.matches_request(target, now) and self._record_match(index, rule):
                    selected.append(rule)
                    if not isinstance(rule, StallRule | SkewRule):
                        break
            return selected

    def _record_match(self, index: int, rule: ResponseRule) -> bool:
        self._match_counts[index] += 1
        is_hit = rule.nth is None or rule.nth[0] <= self._match_counts[index] <= rule.nth[1]
        self.hit_counts[index] += is_hit
        return is_hit
