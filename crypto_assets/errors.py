"""The exceptions; each message is one line with a fix, and a TransientError may be retried.

    CryptoAssetsError                 a failure (exit code 1)
    ├── WrongUse                      an invalid argument or setting (exit code 2)
    │   ├── UnknownSymbol
    │   ├── UnknownProvider           no analytics provider of that name
    │   └── UnknownTarget             no schedule, sensor, backfill or task of that name in Dagster
    ├── IncompleteInstallation        a file of the program is missing
    ├── BackupDamaged                 a file of a backup is missing or changed
    ├── ForeignExchange               warehouse or lake belongs to another exchange
    ├── UnsupportedDagster            the installed Dagster differs in private parts
    ├── PortTaken                     another process listens on the port
    ├── HomeTaken                     another `up` or `demo` uses this home
    ├── ClockNotTrusted               this machine's clock differs from the exchange's
    ├── AlertNotSent                  the webhook is unreachable or returned an error    (transient)
    │   └── AlertRejected             it does not accept this message, but perhaps others
    ├── OrchestratorError             Dagster's webserver is unreachable or returned an error
    ├── ExchangeError
    │   ├── ExchangeUnavailable       network error, 5xx, malformed response     (transient)
    │   ├── RateLimited               429, with the seconds to wait              (transient)
    │   ├── ExchangeBanned            418, with the end of the ban
    │   ├── ExchangeForbidden         403 and 451: this machine or region is blocked
    │   ├── RequestRejected           an error with Binance's code
    │   │   └── NotListed             -1121: the exchange does not list the symbol (any more)
    │   └── ArchiveError
    │       ├── ArchiveMissing        the daily file is not published (yet)
    │       └── ArchiveBroken         wrong checksum, zip, symbol or content
    ├── LakeError
    │   ├── LakeUnavailable           network error, 5xx                         (transient)
    │   ├── LakeRefused               wrong key, not writable
    │   │   └── BucketMissing         the bucket does not exist
    │   └── ObjectMissing             no object with this key
    └── WarehouseError
        ├── WarehouseUnavailable      connection lost, deadlock, lock timeout    (transient)
        ├── WarehouseRefused          wrong password, missing privilege
        │   └── DatabaseMissing       the server has no database of that name
        ├── WarehouseNotReady         no schema or an old one: run `crypto-assets init`
        ├── WarehouseTooNew           written by a newer version of this program
        └── LoadRejected              the server changed or dropped values of a bulk load

`Banned`, `Forbidden` and `Transient` are earlier names of three of them.
"""

from datetime import datetime


class CryptoAssetsError(Exception):
    """Base class of all errors whose message is meant for the user."""

    exit_code = 1


class TransientError(CryptoAssetsError):
    """Base class of errors that a retry may resolve."""


class WrongUse(CryptoAssetsError):
    exit_code = 2


class UnknownSymbol(WrongUse):
    pass


class UnknownProvider(WrongUse):
    pass


class UnknownTarget(WrongUse):
    pass


class IncompleteInstallation(CryptoAssetsError):
    pass


class BackupDamaged(CryptoAssetsError):
    pass


class ForeignExchange(CryptoAssetsError):
    pass


class UnsupportedDagster(CryptoAssetsError):
    pass


class PortTaken(CryptoAssetsError):
    pass


class HomeTaken(CryptoAssetsError):
    pass


class ClockNotTrusted(CryptoAssetsError):
    pass


class AlertNotSent(TransientError):
    pass


class AlertRejected(AlertNotSent):
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
    """HTTP 418; no request may be sent before `until` (aware UTC)."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class ExchangeForbidden(ExchangeError):
    pass


class RequestRejected(ExchangeError):
    """An error of the exchange; `code` is Binance's, such as -1121 for an unknown symbol."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class NotListed(RequestRejected):
    """The exchange's error -1121, for a symbol that it may have listed before."""

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


class BucketMissing(LakeRefused):
    pass


class ObjectMissing(LakeError):
    pass


class WarehouseError(CryptoAssetsError):
    pass


class WarehouseUnavailable(WarehouseError, TransientError):
    pass


class WarehouseRefused(WarehouseError):
    pass


class DatabaseMissing(WarehouseRefused):
    pass


class WarehouseNotReady(WarehouseError):
    pass


class WarehouseTooNew(WarehouseError):
    pass


class LoadRejected(WarehouseError):
    pass


# Names of earlier versions.
Banned, Forbidden, Transient = ExchangeBanned, ExchangeForbidden, TransientError
