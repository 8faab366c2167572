"""What went wrong, in an administrator's words: the cause, and what to do about it."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from watcher.records import Failure
from watcher.settings import Secret, masked
from watcher.web import FetchError, FetchSettings, Wanted, address

AGAIN = "Nothing to do if it was a passing fault: the next run asks again."
LOOK = "Open the address in a browser and see what the server gives."
_SERVER = (
    "Nothing to do if it was a passing fault: the next run asks again. Open the "
    "address in a browser if it lasts."
)
_NETWORK = (
    "See whether this machine reaches the internet, and whether it needs a proxy "
    "(HTTPS_PROXY)."
)
_UNRESOLVED = "the host's name could not be resolved"
# Seconds: no server's word keeps a source unasked for longer
_LONGEST_REST = 86400.0
_MISTYPED = "Correct the source's `url` if its host is mistyped. "
# 10061: Windows
_REFUSED = (errno.ECONNREFUSED, 10061)
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, 10051, 10065)


def failure(
    wanted: Wanted, trouble: FetchError, now: datetime, secrets: Mapping[str, str]
) -> Failure:
    """Make a failure of what went wrong, without any secret.

    A name that cannot be resolved may be mistyped, but only in an address that the
    configuration gives.
    """
    mistyped = (
        trouble.cause == _UNRESOLVED
        and wanted.source.own
        and wanted.url == wanted.source.url
    )
    hidden = [Secret(name, value) for name, value in secrets.items()]
    cause = masked(trouble.cause, hidden)
    remedy = masked(f"{_MISTYPED if mistyped else ''}{trouble.remedy}", hidden)
    return Failure(
        wanted.source.name,
        wanted.document,
        address.for_log(wanted.url, secrets),
        now,
        cause,
        remedy,
        rest=timedelta(seconds=min(trouble.retry_after or 0.0, _LONGEST_REST)),
        gone=trouble.gone,
    )


def of_status(status: int, headers: Mapping[str, str], now: datetime) -> FetchError:
    """Say what a status other than 200 means (RFC 9110 section 15).

    ``now`` helps to read a Retry-After date.
    """
    said = f"the server answered {status} {_phrase(status)}".rstrip()
    if status in (429, 503):
        wait = retry_after(headers, now)
        patience = "" if wait is None else f", and asks to wait {wait:.0f} s"
        remedy = (
            "Ask less often (`every` of this source) if it lasts."
            if status == 429
            else _SERVER
        )
        return FetchError(said + patience, remedy, passing=True, retry_after=wait)
    if status >= 500 or status == 408:
        return FetchError(said, _SERVER, passing=True)
    if status == 401:
        return FetchError(
            said,
            (
                "The address needs a name and password or a token: put it into "
                "the source's `url` as ${NAME}."
            ),
        )
    if status == 403:
        return FetchError(
            said,
            (
                "The server refuses this machine or this program: open the "
                "address in a browser, see whether it needs a token."
            ),
        )
    if status == 407:
        return FetchError(
            said, "The proxy wants a name and password: put them into HTTPS_PROXY."
        )
    if status in (404, 410):
        return FetchError(
            said,
            (
                "There is no such page: correct the source's `url`, or wait if "
                "the page has been taken down for a while."
            ),
            gone=True,
        )
    return FetchError(
        said,
        "Open the address in a browser and see what the server gives; correct the source's `url`.",
    )


def not_let_in(status: int) -> FetchError:
    """Say that Microsoft Graph does not take the token, or not for this."""
    return FetchError(
        f"Microsoft Graph answered {status} {_phrase(status)}",
        "Give the client of [mail] the application permission WindowsUpdates.ReadWrite.All, "
        "with an administrator's consent; without the right, switch the source off.",
    )


def too_large(limit: int) -> FetchError:
    """Say that a body is larger than agreed."""
    return FetchError(
        f"the answer is larger than {limit / 1048576:.4g} MiB",
        f"No source is that large: it was not read on. {LOOK}",
    )


def out_of_time(settings: FetchSettings, *, run_is_over: bool) -> FetchError:
    """Say that a source's time, or the whole run's, is up."""
    again = "The next run goes on where this one stopped."
    if run_is_over:
        return FetchError(
            f"the run's time was up ({settings.run / 60:.3g} min for asking)",
            f"{again} If it lasts, see which sources are slow, or raise run in [limits].",
        )
    return FetchError(
        f"all documents of this source took longer than {settings.source / 60:.3g} min",
        f"The server is very slow, or leads to very much. {again} If that is as it "
        "should be, raise source in [limits].",
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read Retry-After (RFC 9110 section 10.2.3) as seconds from now.

    None when it is absent or unreadable.

    A date is measured against the server's own clock (its Date header) where it shows
    one.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = _date(text)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("Date", "")) or now)).total_seconds())


def _date(text: str) -> datetime | None:
    """Read an HTTP date; None for anything else, a date without a zone included."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None


def chain(error: BaseException) -> Iterator[BaseException]:
    """Walk an error and everything it was raised from or wraps, outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [
                *one.args,
                getattr(one, "reason", None),
                getattr(one, "original_error", None),
                one.__cause__,
                one.__context__,
            ]


def of_error(error: BaseException, *, proxy: str = "") -> FetchError:
    """Say what an error of the HTTP library means.

    ``proxy`` is the proxy asked, if any, without its password.

    Nothing of the library's own text is shown: it may hold the whole URL.
    """
    errors = list(chain(error))
    for explain in (
        _of_proxy,
        _of_certificate,
        _of_name,
        _of_time,
        _of_connection,
        _of_answer,
        _of_address,
    ):
        trouble = explain(errors, proxy)
        if trouble is not None:
            return trouble
    return FetchError(
        f"the request failed ({type(error).__name__})", _SERVER, passing=True
    )


def _of_proxy(errors: list[BaseException], proxy: str) -> FetchError | None:
    if not any(type(one).__name__ == "ProxyError" for one in errors):
        return None
    text = " ".join(str(one) for one in errors)
    if " 407 " in f"{text} ":
        return FetchError(
            f"the proxy {proxy} wants a name and password",
            "Put them into HTTPS_PROXY (http://name:password@proxy:port).",
        )
    remedy = (
        "See whether HTTPS_PROXY names the right proxy and it runs; NO_PROXY "
        "lists what goes past it."
    )
    return FetchError(
        f"the proxy {proxy} did not let us through",
        remedy,
        passing=True,
        unreachable=True,
    )


def _of_certificate(errors: list[BaseException], _: str) -> FetchError | None:
    for one in errors:
        if isinstance(one, ssl.SSLCertVerificationError):
            return FetchError(
                f"the server's certificate is not trusted: {one.verify_message}",
                (
                    "If a proxy of yours opens TLS, name its CA in `ca_bundle`; "
                    "else the server's certificate is wrong."
                ),
            )
        if isinstance(one, OSError) and "CA certificate bundle" in str(one):
            return FetchError(
                "the file with CA certificates is not there",
                "Correct `ca_bundle` or REQUESTS_CA_BUNDLE.",
            )
    if any(isinstance(one, ssl.SSLError) for one in errors):
        return FetchError(
            "no encrypted connection could be agreed on",
            "See whether the address is one of https, and no proxy is in between.",
            passing=True,
        )
    return None


def _of_name(errors: list[BaseException], _: str) -> FetchError | None:
    if any(isinstance(one, socket.gaierror) for one in errors):
        return FetchError(
            _UNRESOLVED,
            (
                "See whether this machine reaches the internet and its DNS "
                "answers, and whether it needs a proxy (HTTPS_PROXY)."
            ),
            passing=True,
            unreachable=True,
        )
    return None


def _of_time(errors: list[BaseException], _: str) -> FetchError | None:
    names = {type(one).__name__ for one in errors}
    if (
        names & {"ConnectTimeout", "ConnectTimeoutError"}
        and "NewConnectionError" not in names
    ):
        return FetchError(
            "the host did not answer in time", _NETWORK, passing=True, unreachable=True
        )
    if names & {"ReadTimeout", "ReadTimeoutError"} or any(
        isinstance(one, TimeoutError) for one in errors
    ):
        return FetchError("the server stopped answering", _SERVER, passing=True)
    return None


def _of_connection(errors: list[BaseException], _: str) -> FetchError | None:
    numbers = {one.errno for one in errors if isinstance(one, OSError)}
    if numbers & set(_REFUSED):
        return FetchError(
            "the connection was refused",
            f"See whether the server runs at that address and port. {_NETWORK}",
            passing=True,
            unreachable=True,
        )
    if numbers & set(_UNREACHABLE):
        return FetchError(
            "there is no way to the host", _NETWORK, passing=True, unreachable=True
        )
    return None


def _of_answer(errors: list[BaseException], _: str) -> FetchError | None:
    for one in errors:
        if isinstance(one, http.client.IncompleteRead):
            return FetchError("the answer ended in the middle", AGAIN, passing=True)
        if isinstance(one, ConnectionError | http.client.RemoteDisconnected):
            return FetchError(
                "the server closed the connection without an answer",
                _SERVER,
                passing=True,
            )
        if isinstance(one, http.client.HTTPException):
            return FetchError(
                "the answer is not HTTP",
                "See whether the address and its port are those of a web server.",
                passing=True,
            )
    return None


def _of_address(errors: list[BaseException], _: str) -> FetchError | None:
    if any(
        "SOCKS" in str(one) for one in errors if type(one).__name__ == "InvalidSchema"
    ):
        return FetchError(
            "the proxy is one for SOCKS, which needs a further library",
            "Install PySocks, or name a proxy for HTTP in HTTPS_PROXY.",
        )
    if any(isinstance(one, ValueError) for one in errors):
        return FetchError(
            "the address is not a URL that can be asked", "Correct the source's `url`."
        )
    return None
