"""The options of a MySQL URL, TLS above all, as PyMySQL's arguments: the one place that reads them.

Options and modes have the names that the mysql client gives them:
https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#encrypted-connection-options
"""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import URL, CreateEnginePlugin, make_url
from sqlalchemy.dialects import plugins

from crypto_assets.errors import WrongUse

# The name by which SQLAlchemy finds OptionsPlugin.
_PLUGIN = "crypto_assets"
_LOOPBACK_HOSTS = {None, "", "localhost", "127.0.0.1", "::1"}
_FLAG_VALUES = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_SECONDS_OPTIONS = ("connect_timeout", "read_timeout", "write_timeout")
_FILE_OPTIONS = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_key_password")
# Names of SQLAlchemy and PyMySQL, which a URL may bear in place of a mode.
_VERIFYING_OPTIONS = ("ssl_verify_identity", "ssl_verify_cert", "ssl_check_hostname")
_KNOWN_OPTIONS = (
    "ssl_mode",
    "ssl",
    "ssl_disabled",
    *_VERIFYING_OPTIONS,
    *_FILE_OPTIONS,
    "unix_socket",
    *_SECONDS_OPTIONS,
)
# What the program decides itself, and a URL may repeat.
_FIXED_OPTIONS = {"charset": ("utf8mb4",), "local_infile": ("1", "true")}
# PyMySQL's own limit.
_MAX_SECONDS = 31_536_000


class TlsMode(StrEnum):
    """How a connection is encrypted, and what of the server's certificate is checked."""

    DISABLED = "DISABLED"
    PREFERRED = "PREFERRED"
    REQUIRED = "REQUIRED"
    VERIFY_CA = "VERIFY_CA"
    VERIFY_IDENTITY = "VERIFY_IDENTITY"

    @property
    def is_optional(self) -> bool:
        return self in {TlsMode.DISABLED, TlsMode.PREFERRED}

    @property
    def verifies_certificate(self) -> bool:
        return self in {TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY}


@dataclass(frozen=True)
class MySQLOptions:
    """The options of one URL, checked; `mode` is None where they say nothing about TLS."""

    mode: TlsMode | None
    files: Mapping[str, str]
    others: Mapping[str, str | int]

    @classmethod
    def parse_query(cls, query: Mapping[str, str | Sequence[str]], place: str) -> Self:
        """Check the options; `place` names in errors where they stand. Raises WrongUse.

        Errors never show a value: a part of a password may have got there.
        """
        given = {name: _check_value(name, value, place) for name, value in query.items()}
        mode = _parse_tls_mode(given, place)
        files = {name: given[name] for name in _FILE_OPTIONS if name in given}
        _require_used_files(mode, files, place)
        others: dict[str, str | int] = {
            name: _parse_seconds(name, given[name], place)
            for name in _SECONDS_OPTIONS
            if name in given
        }
        if "unix_socket" in given:
            others["unix_socket"] = given["unix_socket"]
        return cls(mode, files, others)

    def make_arguments(self, host: str | None) -> dict[str, Any]:
        """Arguments of `pymysql.connect` to this host.

        Raises WrongUse where a certificate or a key cannot be read.
        """
        match self.choose_tls_mode(host):
            case TlsMode.DISABLED:
                return {**self.others, "ssl_disabled": True}
            case TlsMode.PREFERRED:
                return dict(self.others)
            case mode:
                return {**self.others, "ssl": self._make_ssl_context(mode)}

    def choose_tls_mode(self, host: str | None) -> TlsMode:
        """Within this machine nothing is encrypted unless it is asked for.

        The driver would try to, and read every root certificate for each connection.
        """
        if self.mode is not None:
            return self.mode
        here = host in _LOOPBACK_HOSTS or "unix_socket" in self.others
        return TlsMode.DISABLED if here else TlsMode.PREFERRED

    def _make_ssl_context(self, mode: TlsMode) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = mode is TlsMode.VERIFY_IDENTITY
        context.verify_mode = ssl.CERT_REQUIRED if mode.verifies_certificate else ssl.CERT_NONE
        ca, folder = self.files.get("ssl_ca"), self.files.get("ssl_capath")
        if ca or folder:
            shown = f"ssl_ca={ca}" if ca else f"ssl_capath={folder}"
            with _explain_unreadable(shown, "PEM certificates"):
                context.load_verify_locations(ca, folder)
        elif mode.verifies_certificate:
            context.load_default_certs()
        if cert := self.files.get("ssl_cert"):
            # Without a password OpenSSL would ask for one at the terminal.
            password = self.files.get("ssl_key_password", "")
            key = self.files.get("ssl_key")
            shown = f"ssl_cert={cert}" + (f" and ssl_key={key}" if key else "")
            with _explain_unreadable(shown, "a PEM certificate and its key"):
                context.load_cert_chain(cert, key, password)
        return context


def make_connect_arguments(url: URL, place: str) -> dict[str, Any]:
    """Arguments of `pymysql.connect` for a URL's options and password. Raises WrongUse.

    The driver would fail on a password with letters that Latin-1 does not have; servers compare
    passwords as UTF-8.
    """
    arguments = MySQLOptions.parse_query(url.query, place).make_arguments(url.host)
    if url.password is not None:
        arguments["password"] = url.password.encode()
    return arguments


def add_mysql_options(url: str, options: str, place: str) -> str:
    """The URL, for engines of others: they connect as its own options and the given ones say.

    Without any it stays as it is. `options` are written as in a URL. Raises WrongUse.
    """
    given, asked = make_url(url, keep_blank_values=True), _parse_options(options)
    if repeated := given.query.keys() & asked.keys():
        raise WrongUse(f"{place} gives the option {min(repeated)} twice: keep one")
    query = {**given.query, **asked}
    if not query:
        return url
    MySQLOptions.parse_query(query, place)
    engine = given.set(drivername="mysql+pymysql", query={**query, "plugin": _PLUGIN})
    return engine.render_as_string(hide_password=False)


def make_option_arguments(options: str, host: str, place: str) -> dict[str, Any]:
    """Arguments of `pymysql.connect` for options that are written as in a URL. Raises WrongUse."""
    return MySQLOptions.parse_query(_parse_options(options), place).make_arguments(host)


def _parse_options(options: str) -> Mapping[str, str | Sequence[str]]:
    return make_url(f"mysql://host/?{options}", keep_blank_values=True).query


class MySQLOptionsPlugin(CreateEnginePlugin):
    """Has any engine of SQLAlchemy connect as the options of its URL say."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        own = url.difference_update_query(["plugin"])
        arguments = make_connect_arguments(own, "the MySQL URL")
        kwargs["connect_args"] = {**kwargs.get("connect_args", {}), **arguments}

    def update_url(self, url: URL) -> URL:
        return url.set(query={})


plugins.register(_PLUGIN, __name__, MySQLOptionsPlugin.__name__)


def may_use_tls(url: URL) -> bool:
    own = url.difference_update_query(["plugin"])
    return (
        MySQLOptions.parse_query(own.query, "the MySQL URL").choose_tls_mode(url.host)
        is not TlsMode.DISABLED
    )


def _check_value(name: str, value: str | Sequence[str], place: str) -> str:
    """The one value of a known option."""
    if name not in _KNOWN_OPTIONS and name not in _FIXED_OPTIONS:
        # With an @ behind it the name may be a part of a password.
        is_name = name.isidentifier() and "@" not in str(value)
        shown = f"the unknown option {name!r}" if is_name else "an unknown option"
        raise WrongUse(f"{place} has {shown}: it may have {', '.join(_KNOWN_OPTIONS)}")
    if not isinstance(value, str):
        raise WrongUse(f"{place} gives the option {name} twice: keep one")
    if not value:
        raise WrongUse(f"{place} gives the option {name} no value: leave it out, or write {name}=…")
    if name in _FIXED_OPTIONS and value.lower() not in _FIXED_OPTIONS[name]:
        raise WrongUse(f"{place} cannot change {name}, which is always {_FIXED_OPTIONS[name][0]}")
    return value


def _parse_tls_mode(given: Mapping[str, str], place: str) -> TlsMode | None:
    """What the options ask for; a mode by its name, or the older ones in its place."""
    flags = {
        name: _parse_flag(name, given[name], place)
        for name in ("ssl", "ssl_disabled", *_VERIFYING_OPTIONS)
        if name in given
    }
    named = _parse_mode_name(given["ssl_mode"], place) if "ssl_mode" in given else None
    off = flags.get("ssl") is False or flags.get("ssl_disabled", False)
    on = any(flags.get(name) for name in ("ssl", *_VERIFYING_OPTIONS))
    disabled = named is TlsMode.DISABLED
    if (off and on) or (off and named and not disabled) or (on and disabled):
        raise WrongUse(f"{place} both asks for TLS and refuses it: keep ssl_mode alone")
    if named is None:
        return TlsMode.DISABLED if off else _infer_tls_mode(flags, given)
    if twice := [name for name in _VERIFYING_OPTIONS if name in flags]:
        raise WrongUse(f"{place} has both ssl_mode and {twice[0]}: keep ssl_mode")
    return named


def _infer_tls_mode(flags: Mapping[str, bool], given: Mapping[str, str]) -> TlsMode | None:
    """As SQLAlchemy and PyMySQL read the older options: who names a CA has host names checked."""
    names_ca = "ssl_ca" in given or "ssl_capath" in given
    checks_host = flags.get("ssl_check_hostname", names_ca and "ssl_verify_cert" not in flags)
    if flags.get("ssl_verify_identity") or checks_host:
        return TlsMode.VERIFY_IDENTITY
    if flags.get("ssl_verify_cert", names_ca):
        return TlsMode.VERIFY_CA
    return TlsMode.REQUIRED if flags or "ssl_cert" in given else None


def _require_used_files(mode: TlsMode | None, files: Mapping[str, str], place: str) -> None:
    """A file that is given and not looked at would be false safety."""
    if files and (mode is None or mode.is_optional):
        raise WrongUse(
            f"{place} has {next(iter(files))}, which ssl_mode={mode or 'PREFERRED'} does not read: "
            "write ssl_mode=VERIFY_IDENTITY, or another that requires TLS"
        )
    unread = [name for name in ("ssl_ca", "ssl_capath") if name in files]
    if unread and mode is TlsMode.REQUIRED:
        raise WrongUse(
            f"{place} has {unread[0]}, which ssl_mode=REQUIRED does not check: "
            "write ssl_mode=VERIFY_CA or VERIFY_IDENTITY"
        )
    if "ssl_cert" not in files and {"ssl_key", "ssl_key_password"} & files.keys():
        raise WrongUse(f"{place} has an ssl_key, and no ssl_cert: give both")


def _parse_mode_name(value: str, place: str) -> TlsMode:
    try:
        return TlsMode(value.upper().replace("-", "_"))
    except ValueError:
        raise WrongUse(
            f"{place} has an unknown ssl_mode: it is one of {', '.join(TlsMode)}"
        ) from None


def _parse_flag(name: str, value: str, place: str) -> bool:
    if value.lower() not in _FLAG_VALUES:
        raise WrongUse(f"{place} gives {name} a wrong value: it is true or false")
    return _FLAG_VALUES[value.lower()]


def _parse_seconds(name: str, value: str, place: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= _MAX_SECONDS):
        raise WrongUse(f"{place} gives {name} a wrong value: it is a whole number of seconds")
    return int(value)


@contextmanager
def _explain_unreadable(shown: str, wanted: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        said = (error.reason or "nothing of the kind").replace("_", " ").lower()
        raise WrongUse(f"{shown} must hold {wanted}: {said}") from None
    except OSError as error:
        raise WrongUse(f"{shown} cannot be read: {error.strerror}") from None
