"""Parses the options of a MySQL URL, mostly of TLS, into arguments of PyMySQL.

Options and modes are named as in the mysql client:
https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#encrypted-connection-options
"""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import URL, make_url

from crypto_assets.errors import WrongUse

LOOPBACK_HOSTS = {None, "", "localhost", "127.0.0.1", "::1"}
_FLAG_VALUES = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_SECONDS_OPTIONS = ("connect_timeout", "read_timeout", "write_timeout")
_FILE_OPTIONS = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_key_password")
# Names of SQLAlchemy and PyMySQL; a URL may use them instead of ssl_mode.
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
# Options that the program sets; a URL may only repeat these values.
_FIXED_OPTIONS = {"charset": ("utf8mb4",), "local_infile": ("1", "true")}
_FIXED_RULES = {
    "charset": "which is always utf8mb4",
    "local_infile": "which is on for the connections of bulk loads only",
}
# PyMySQL's own limit.
_MAX_SECONDS = 31_536_000


class TlsMode(StrEnum):
    """How a connection is encrypted, and how much of the server's certificate is verified."""

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
    """The valid options of one URL; `mode` is None where no option concerns TLS.

    `files` holds certificates, keys and the key's password, `others` the socket and timeouts in
    seconds, each by its option's name.
    """

    mode: TlsMode | None
    files: Mapping[str, str]
    others: Mapping[str, str | int]

    @classmethod
    def parse_query(cls, query: Mapping[str, str | Sequence[str]], source: str) -> Self:
        """Parse options; error messages call their origin `source`. Raises WrongUse.

        Messages never contain a value: an unescaped password may have become one.
        """
        options = {name: _check_value(name, value, source) for name, value in query.items()}
        mode = _parse_tls_mode(options, source)
        files = {name: options[name] for name in _FILE_OPTIONS if name in options}
        _require_used_files(mode, files, source)
        others: dict[str, str | int] = {
            name: _parse_seconds(name, options[name], source)
            for name in _SECONDS_OPTIONS
            if name in options
        }
        if "unix_socket" in options:
            others["unix_socket"] = options["unix_socket"]
        return cls(mode, files, others)

    def make_arguments(self, host: str | None) -> dict[str, Any]:
        """Make the arguments of `pymysql.connect` for a host.

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
        """Return the mode that the options set; without one, DISABLED on this machine.

        With PREFERRED the driver would read every root certificate for each local connection.
        """
        if self.mode is not None:
            return self.mode
        is_local = host in LOOPBACK_HOSTS or "unix_socket" in self.others
        return TlsMode.DISABLED if is_local else TlsMode.PREFERRED

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
            # Without a password OpenSSL would prompt for one at the terminal.
            password = self.files.get("ssl_key_password", "")
            key = self.files.get("ssl_key")
            shown = f"ssl_cert={cert}" + (f" and ssl_key={key}" if key else "")
            with _explain_unreadable(shown, "a PEM certificate and its key"):
                context.load_cert_chain(cert, key, password)
        return context


def make_connect_arguments(url: URL, source: str) -> dict[str, Any]:
    """Make the arguments of `pymysql.connect` for a URL's options and password. Raises WrongUse.

    The password is passed as UTF-8, in which servers compare it: the driver encodes text as
    Latin-1, which lacks many letters.
    """
    arguments = MySQLOptions.parse_query(url.query, source).make_arguments(url.host)
    if url.password is not None:
        arguments["password"] = url.password.encode()
    return arguments


def add_mysql_options(url: URL, options: str, source: str) -> URL:
    """Add options, the query of a URL, to those of a URL; errors call their origin `source`.

    Raises WrongUse for an invalid option, and for one that the URL has as well.
    """
    added = _parse_options(options)
    if repeated := url.query.keys() & added.keys():
        raise WrongUse(f"the URL and {source} both set the option {min(repeated)}: remove one")
    merged = url.set(query={**url.query, **added})
    MySQLOptions.parse_query(merged.query, source)
    return merged


def make_option_arguments(options: str, host: str, source: str) -> dict[str, Any]:
    """Make the arguments of `pymysql.connect` for the query of a URL. Raises WrongUse."""
    return MySQLOptions.parse_query(_parse_options(options), source).make_arguments(host)


def _parse_options(options: str) -> Mapping[str, str | Sequence[str]]:
    return make_url(f"mysql://host/?{options}", keep_blank_values=True).query


def may_use_tls(url: URL) -> bool:
    """Return whether a connection to the URL may be encrypted. Raises WrongUse."""
    options = MySQLOptions.parse_query(url.query, "the MySQL URL")
    return options.choose_tls_mode(url.host) is not TlsMode.DISABLED


def _check_value(name: str, value: str | Sequence[str], source: str) -> str:
    """Return the single value of a known option."""
    if name not in _KNOWN_OPTIONS and name not in _FIXED_OPTIONS:
        # With an @ in the value, the name may be a part of a password.
        is_name = name.isidentifier() and "@" not in str(value)
        shown = f"the unknown option {name!r}" if is_name else "an unknown option"
        raise WrongUse(f"{source} has {shown}: known options are {', '.join(_KNOWN_OPTIONS)}")
    if not isinstance(value, str):
        raise WrongUse(f"{source} sets the option {name} twice: remove one")
    if not value:
        raise WrongUse(f"{source} gives the option {name} no value: remove it, or write {name}=…")
    if name in _FIXED_OPTIONS and value.lower() not in _FIXED_OPTIONS[name]:
        raise WrongUse(f"{source} cannot change {name}, {_FIXED_RULES[name]}")
    return value


def _parse_tls_mode(options: Mapping[str, str], source: str) -> TlsMode | None:
    """Return the mode of ssl_mode, or the one that the older options mean; None without any."""
    flags = {
        name: _parse_flag(name, options[name], source)
        for name in ("ssl", "ssl_disabled", *_VERIFYING_OPTIONS)
        if name in options
    }
    mode = _parse_mode_name(options["ssl_mode"], source) if "ssl_mode" in options else None
    off = flags.get("ssl") is False or flags.get("ssl_disabled", False)
    on = any(flags.get(name) for name in ("ssl", *_VERIFYING_OPTIONS))
    if (off or mode is TlsMode.DISABLED) and (on or mode not in {None, TlsMode.DISABLED}):
        raise WrongUse(f"{source} both requires and disables TLS: use ssl_mode alone")
    if mode is None:
        return TlsMode.DISABLED if off else _infer_tls_mode(flags, options)
    if redundant := [name for name in _VERIFYING_OPTIONS if name in flags]:
        raise WrongUse(f"{source} has both ssl_mode and {redundant[0]}: keep ssl_mode")
    return mode


def _infer_tls_mode(flags: Mapping[str, bool], options: Mapping[str, str]) -> TlsMode | None:
    """Infer the mode as SQLAlchemy and PyMySQL do: naming a CA verifies the host's name too."""
    names_ca = "ssl_ca" in options or "ssl_capath" in options
    checks_host = flags.get("ssl_check_hostname", names_ca and "ssl_verify_cert" not in flags)
    if flags.get("ssl_verify_identity") or checks_host:
        return TlsMode.VERIFY_IDENTITY
    if flags.get("ssl_verify_cert", names_ca):
        return TlsMode.VERIFY_CA
    return TlsMode.REQUIRED if flags or "ssl_cert" in options else None


def _require_used_files(mode: TlsMode | None, files: Mapping[str, str], source: str) -> None:
    """Refuse a file that the mode would ignore: its user would believe in a check not made."""
    if files and (mode is None or mode.is_optional):
        raise WrongUse(
            f"{source} has {next(iter(files))}, which ssl_mode={mode or 'PREFERRED'} does not use: "
            "set ssl_mode=VERIFY_IDENTITY, or another mode that requires TLS"
        )
    unused = [name for name in ("ssl_ca", "ssl_capath") if name in files]
    if unused and mode is TlsMode.REQUIRED:
        raise WrongUse(
            f"{source} has {unused[0]}, which ssl_mode=REQUIRED does not use: "
            "set ssl_mode=VERIFY_CA or VERIFY_IDENTITY"
        )
    if "ssl_cert" not in files and {"ssl_key", "ssl_key_password"} & files.keys():
        raise WrongUse(f"{source} has ssl_key but no ssl_cert: set both")


def _parse_mode_name(value: str, source: str) -> TlsMode:
    try:
        return TlsMode(value.upper().replace("-", "_"))
    except ValueError:
        raise WrongUse(
            f"{source} has an unknown ssl_mode: use one of {', '.join(TlsMode)}"
        ) from None


def _parse_flag(name: str, value: str, source: str) -> bool:
    if value.lower() not in _FLAG_VALUES:
        raise WrongUse(f"{source} has an invalid {name}: use true or false")
    return _FLAG_VALUES[value.lower()]


def _parse_seconds(name: str, value: str, source: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= _MAX_SECONDS):
        raise WrongUse(f"{source} has an invalid {name}: use a whole number of seconds")
    return int(value)


@contextmanager
def _explain_unreadable(shown: str, expected: str) -> Iterator[None]:
    """Raise WrongUse for a file that cannot be read or does not hold what is expected."""
    try:
        yield
    except ssl.SSLError as error:
        reason = (error.reason or "unknown content").replace("_", " ").lower()
        raise WrongUse(f"{shown} must contain {expected}: {reason}") from None
    except OSError as error:
        raise WrongUse(f"{shown} cannot be read: {error.strerror}") from None
