"""What can go wrong, as types: one line that says what to do, and whether asking again can help.

CryptoAssetsError                 failed work (exit code 1)
├── WrongUse                      the caller asked for something that cannot be (exit code 2)
│   ├── UnknownSymbol
│   ├── UnknownProvider           no analytics provider of that name
│   └── UnknownTarget             Dagster has no schedule, sensor, backfill or task of that name
├── ForeignExchange               warehouse or lake belongs to another exchange
├── PortTaken
├── HomeTaken                     another `up` or `demo` serves this home
├── AlertNotSent                  the alerts' webhook is not there or refuses   (transient)
├── OrchestratorError             Dagster's webserver refused, failed or is not there
├── ExchangeError
│   ├── ExchangeUnavailable       transport, 5xx, malformed answer           (transient)
│   ├── RateLimited               429, with the seconds to wait              (transient)
│   ├── Banned                    418, with the time at which the ban ends
│   ├── Forbidden                 403 and 451: this machine or region is refused
│   ├── RequestRejected           Binance's own error code
│   │   └── NotListed             -1121: the exchange does not list the symbol (any more)
│   └── ArchiveError
│       ├── ArchiveMissing        the daily file is not published (yet)
│       └── ArchiveBroken         checksum, zip, symbol or content is wrong
├── LakeError
│   ├── LakeUnavailable           transport, 5xx                             (transient)
│   ├── LakeRefused               bucket missing, wrong key, not writable
│   └── ObjectMissing
└── WarehouseError
    ├── WarehouseUnavailable      connection lost, deadlock, lock timeout    (transient)
    ├── WarehouseRefused          wrong password, missing database, missing right
    ├── WarehouseNotReady         no schema, or an older one: run `crypto-assets init`
    ├── WarehouseTooNew           written by a newer version of this program
    └── LoadRejected              the server changed or dropped values of a bulk load
"""

from datetime import datetime


class CryptoAssetsError(Exception):
    """Base of all errors that a person is meant to read."""

    exit_code = 1


class TransientError(CryptoAssetsError):
    """Mixed into errors that asking again may cure."""


class WrongUse(CryptoAssetsError):
    exit_code = 2


class UnknownSymbol(WrongUse):
    pass


class UnknownProvider(WrongUse):
    pass


class UnknownTarget(WrongUse):
    pass


class ForeignExchange(CryptoAssetsError):
    pass


class PortTaken(CryptoAssetsError):
    pass


class HomeTaken(CryptoAssetsError):
    pass


class AlertNotSent(TransientError):
    pass


class OrchestratorError(CryptoAssetsError):
    pass


class ExchangeError(CryptoAssetsError):
    pass


class ExchangeUnavailable(ExchangeError, TransientError):
    pass


class RateLimited(ExchangeError, TransientError):
    """HTTP 429; `retry_after` in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ExchangeBanned(ExchangeError):
    """HTTP 418; every request must stop until `until` (aware UTC)."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class ExchangeForbidden(ExchangeError):
    pass


class RequestRejected(ExchangeError):
    """The exchange's own error; `code` is Binance's, -1121 for an unknown symbol."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class NotListed(RequestRejected):
    """The exchange's error -1121, of a symbol that it may have listed before."""

    def __init__(self, message: str, code: int = -1121) -> None:
        super().__init__(message, code)


class ArchiveError(ExchangeError):
    pass


class ArchiveMissing(ArchiveError):
    pass


class ArchiveBroken(ArchiveError):
    pass


class LakeError(CryptoAssetsError):
    pass


class LakeUnavailable(LakeError, TransientError):
    pass


class LakeRefused(LakeError):
    pass


class ObjectMissing(LakeError):
    pass


class WarehouseError(CryptoAssetsError):
    pass


class WarehouseUnavailable(WarehouseError, TransientError):
    pass


class WarehouseRefused(WarehouseError):
    pass


class WarehouseNotReady(WarehouseError):
    pass


class WarehouseTooNew(WarehouseError):
    pass


class LoadRejected(WarehouseError):
    pass
