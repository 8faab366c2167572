"""One worker: asks one host for one document at a time, through redirects and passing failures."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import pairwise
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
from msgspec import Struct
from msgspec.structs import replace
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.utils import default_headers, get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from watcher import __version__
from watcher.kinds import gone_speaks, largest, logs_in
from watcher.records import NotModified, Page, Validators
from watcher.web import (
    FOR_GOOD,
    GONE,
    NEVER,
    REDIRECTS,
    REFUSALS,
    FetchError,
    FetchSettings,
    Outcome,
    Wanted,
    address,
)
from watcher.web.address import Reach, Target, literal, reach, reach_of_host
from watcher.web.connection import (
    CheckedAdapter,
    Gate,
    TooNearError,
    read_body,
)
from watcher.web.failures import (
    failure,
    not_let_in,
    of_error,
    of_status,
    out_of_time,
    too_large,
)

# How much of an answer is read whose body nobody needs: the connection stays usable
_DRAINED = 65536
_LONGEST_VALIDATOR = 1000

# urllib3 logs whole paths and queries, in which tokens stand.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Answer(Struct, frozen=True):
    """One HTTP response, decompressed.

    ``url`` is free of secrets, ``asked`` is what was really asked.
    """

    asked: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Hop(Struct, frozen=True):
    """Where to go next, the basic credentials for it, and how near it may lie."""

    target: Target
    login: tuple[str, str] | None
    nearest: Callable[[], Reach]
    # Of Graph's, "" for what wants none
    token: str = ""

    def __repr__(self) -> str:
        """Name the host; never what is said there."""
        return f"_Hop({self.target.host!r})"


class Client:
    """One worker's connections; used by one thread at a time."""

    def __init__(
        self,
        settings: FetchSettings,
        slot: Callable[[str], AbstractContextManager[object]],
        sleep: Callable[[float], None],
    ) -> None:
        """Prepare; ``slot`` gives what one must hold to ask a host, ``sleep`` waits
        between attempts.
        """
        self._settings = settings
        self._slot = slot
        self.gate = Gate()
        self._until, self._run_is_over = NEVER, False
        # The last attempt's answers, redirects included
        self.trail: list[Answer] = []
        self._proxies: dict[str, dict[str, str]] = {}
        # Without requests' session: it would follow redirects before anybody has looked
        # where they lead, read .netrc, and cost more than all the rest of a request
        # that is answered with 304.
        self._adapter = CheckedAdapter(self.gate, settings.ca_bundle)
        self._cookies = RequestsCookieJar()
        self._headers = {
            **default_headers(),
            "User-Agent": user_agent(settings.contact),
            "Accept-Encoding": "gzip, deflate",
        }
        self._attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(settings.attempts),
            retry=tenacity.retry_if_exception(self._worth_another),
            wait=self._wait,
            sleep=sleep,
            reraise=True,
        )
        self._backoff = tenacity.wait_exponential(
            settings.first_wait, settings.longest_wait
        ) + tenacity.wait_random(0, settings.first_wait)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()
        self.gate.release()

    def ask(
        self,
        wanted: Wanted,
        now: datetime,
        until: float = NEVER,
        *,
        run_is_over: bool = False,
    ) -> tuple[Outcome, bool]:
        """Fetch a document; the outcome, and whether the host does not answer at all.

        At ``until`` (time.monotonic()) the source's time is up, or that of the whole
        run.
        """
        self.trail = []
        self._until, self._run_is_over = until, run_is_over
        try:
            answer = self._attempts(self._attempt, wanted, now)
            return self._outcome(wanted, answer, now), False
        except FetchError as trouble:
            if len(self.trail) > 1 and self.trail[-1].status not in REDIRECTS:
                trouble.cause += (
                    f" at {self.trail[-1].url}, to which the address redirects"
                )
            return failure(
                wanted, trouble, now, self._settings.secrets
            ), trouble.unreachable and not self.trail

    def _worth_another(self, error: BaseException) -> bool:
        """Say whether to try again.

        A passing fault, and no more patience asked for than we have.
        """
        return (
            isinstance(error, FetchError)
            and error.passing
            and (error.retry_after or 0) <= self._settings.retry_after_cap
            and time.monotonic() < self._until
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, FetchError) else None
        return self._backoff(state) if asked is None else asked

    def _attempt(self, wanted: Wanted, now: datetime) -> Answer:
        """Ask once, following redirects; all of it within the deadline."""
        self.trail = []
        headers = _conditions(wanted.validators)
        gate = self.gate
        deadline = time.monotonic() + self._settings.deadline
        gate.cut_off, gate.due = False, min(deadline, self._until)
        try:
            hop = self._first(wanted)
            while True:
                answer = self._hop(hop, headers, wanted.source.kind)
                self.trail.append(answer)
                if answer.status not in REDIRECTS or "Location" not in answer.headers:
                    return self._judged(answer, wanted, now, conditional=bool(headers))
                hop = self._next(hop, answer)
        except FetchError:
            if gate.cut_off:
                raise self._late() from None
            raise
        finally:
            gate.due = NEVER
            gate.release()

    def _late(self) -> FetchError:
        if time.monotonic() >= self._until:
            return out_of_time(self._settings, run_is_over=self._run_is_over)
        return FetchError(
            f"the whole answer took longer than {self._settings.deadline:g} s",
            "The server is very slow: the next run asks again.",
        )

    def _judged(
        self, answer: Answer, wanted: Wanted, now: datetime, *, conditional: bool
    ) -> Answer:
        """Let through what is an outcome of its own; FetchError for anything else."""
        if answer.status == 200 or (answer.status == 304 and conditional):
            return answer
        if answer.status in GONE and gone_speaks(wanted.source.kind):
            return answer
        login = self._settings.login
        if answer.status in REFUSALS and login and logs_in(wanted.source.kind):
            login.forget()
            raise not_let_in(answer.status)
        raise of_status(answer.status, answer.headers, now)

    def _first(self, wanted: Wanted) -> _Hop:
        """Prepare the first request.

        The administrator's own host may be anywhere; a document that a source leads to
        on another host may not be nearer than the source.
        """
        settings = self._settings
        target = _prepared(address.with_secrets(wanted, settings.secrets))
        if target.login and wanted.url != wanted.source.url:
            raise FetchError(
                "a document, not the configuration, gives an address with a name or a "
                "password in it: it was not asked",
                "If it is meant, give the address as the `url` of a source.",
            )
        home = address.host_name(address.expand(wanted.source.url, settings.secrets))
        is_own = wanted.url == wanted.source.url or target.host == home
        return _Hop(
            target,
            target.login,
            lambda: Reach.OWN if is_own else reach_of_host(home),
            self._token(target) if logs_in(wanted.source.kind) else "",
        )

    def _token(self, target: Target) -> str:
        """Give the token that Graph is asked with.

        It is told to no other server, whatever address a page or the configuration
        gives.
        """
        login = self._settings.login
        if login is None:
            raise FetchError(
                "Microsoft Graph wants a login, and [mail] names no client",
                "Write tenant and client into [mail], and set the client's secret.",
            )
        if target.server != address.read(login.graph).server:
            raise FetchError(
                f"the address is not at {login.graph}: it was not asked, for the token "
                "is for Microsoft Graph alone",
                "Correct the source's `url`, or graph in [mail].",
            )
        return login.token()

    def _next(self, hop: _Hop, answer: Answer) -> _Hop:
        """Prepare the request that a redirect asks for."""
        settings = self._settings
        if len(self.trail) > settings.redirects:
            raise FetchError(
                f"more than {settings.redirects} redirects",
                "The address leads in a circle: correct the source's `url`.",
            )
        location = (
            answer.headers["Location"]
            .encode("latin-1", "replace")
            .decode("utf-8", "replace")
        )
        if address.holds_placeholder(location):
            raise address.secret_refused(
                "a redirect, not the configuration, gives an address"
            )
        try:
            target = _prepared(urljoin(hop.target.url, location))
        except ValueError:
            raise FetchError(
                "a redirect leads to something that is no URL",
                "Correct the source's `url` if the page has moved.",
            ) from None
        if hop.target.scheme == "https" and target.scheme != "https":
            raise FetchError(
                "a redirect leads from https to http",
                (
                    "It was not followed: anybody on the way could change the "
                    "page. Correct the source's `url`."
                ),
            )
        at = self.gate.at
        is_same = target.server == hop.target.server
        login, token = (hop.login, hop.token) if is_same else (None, "")
        return _Hop(target, login, lambda: at, token)

    def _hop(self, hop: _Hop, headers: Mapping[str, str], kind: str) -> Answer:
        """Send one request and read its answer."""
        settings, gate = self._settings, self.gate
        url = hop.target.url
        proxies = self._proxies_for(url)
        proxy = select_proxy(url, proxies)
        if proxy and not address.is_proxy(proxy):
            raise FetchError(
                "the address of the proxy cannot be read",
                "Correct HTTPS_PROXY or HTTP_PROXY: http://name:password@proxy:port, and "
                "in name and password %40 for @, %2F for /, %3A for :, %23 for #.",
            )
        gate.holds(None, Reach.PUBLIC)
        gate.nearest = hop.nearest
        try:
            if proxy:
                self._check_by_name(hop.target)
            with (
                self._slot(address.host_key(url)),
                self._sent(hop, headers, proxies) as response,
            ):
                content = self._body(response, kind)
            # A body without a length ends where it is cut
            if gate.cut_off:
                raise self._late()
        except TooNearError as error:
            raise _too_near(error) from None
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise of_error(
                error, proxy=address.for_log(proxy or "", settings.secrets)
            ) from error
        return Answer(
            url,
            address.public(url, settings.secrets),
            response.status_code,
            response.headers,
            content,
        )

    def _sent(
        self, hop: _Hop, headers: Mapping[str, str], proxies: dict[str, str]
    ) -> requests.Response:
        """Send one request; the answer's body is still to be read."""
        request = requests.PreparedRequest()
        request.prepare_method("GET")
        request.url = hop.target.url
        request.prepare_headers({**self._headers, **headers})
        if self._cookies:
            request.prepare_cookies(self._cookies)
        if hop.login:
            request.prepare_auth(hop.login)
        if hop.token:
            request.headers["Authorization"] = f"Bearer {hop.token}"
        timeout = (self._settings.connect_timeout, self._settings.read_timeout)
        response = self._adapter.send(
            request, stream=True, timeout=timeout, verify=True, proxies=proxies
        )
        if (
            "Set-Cookie" in response.headers
            # Some pages come only to whoever brings back what the redirect gave
        ):
            extract_cookies_to_jar(self._cookies, request, response.raw)  # type: ignore[no-untyped-call]
        return response

    def _body(self, response: requests.Response, kind: str) -> bytes:
        """Read what is needed of a body: all of a page, a little of anything else."""
        status = response.status_code
        limit = min(self._settings.max_bytes, largest(kind))
        if status == 200 or (status in GONE and gone_speaks(kind)):
            announced = response.headers.get("Content-Length", "")
            if (
                announced.isascii()
                and announced.isdigit()
                and int(announced[:18]) > limit
            ):
                raise too_large(limit)
            return read_body(
                response.raw, response.headers.get("Content-Encoding", ""), limit
            )
        response.raw.read(_DRAINED, decode_content=False)
        return b""

    def _check_by_name(self, target: Target) -> None:
        """Check what can be checked of a host that only the proxy looks up.

        Addresses and ``localhost``.
        """
        literal_address = literal(target.host)
        if literal_address is not None:
            self.gate.check(str(literal_address), reach(literal_address))

    def _proxies_for(self, url: str) -> dict[str, str]:
        """Read the environment's proxies for a host, once."""
        key = urlsplit(url).scheme + address.host_key(url)
        if key not in self._proxies:
            self._proxies[key] = get_environ_proxies(url)
        return self._proxies[key]

    def _outcome(self, wanted: Wanted, answer: Answer, now: datetime) -> Outcome:
        url = address.public(wanted.url, self._settings.secrets)
        if answer.status == 304:
            return NotModified(
                wanted.source.name, wanted.document, url, now, self._moved()
            )
        validators = Validators(
            _kept(answer.headers.get("ETag", "")),
            _kept(answer.headers.get("Last-Modified", "")),
        )
        kind = answer.headers.get("Content-Type", "")
        return Page(
            wanted.source.name,
            wanted.document,
            url,
            now,
            answer.status,
            answer.body,
            kind,
            validators,
            moved=self._moved(),
        )

    def _moved(self) -> str:
        """Say where the address leads for good.

        As far as permanent redirects go without one that is not (RFC 9110 section
        15.4).
        """
        to = ""
        for before, after in pairwise(self.trail):
            if before.status not in FOR_GOOD:
                break
            to = after.url
        return to if self.trail and to != self.trail[0].url else ""


def user_agent(contact: str) -> str:
    """Say who asks, and whom to write to."""
    about = "".join(
        letter
        for letter in contact
        if letter.isascii() and letter.isprintable() and letter not in "()"
    )
    return f"advisory-watcher/{__version__}" + (f" (+{about})" if about else "")


def _conditions(validators: Validators) -> dict[str, str]:
    """Make the request conditional (RFC 9110 section 13.1)."""
    headers = {
        "If-None-Match": validators.etag,
        "If-Modified-Since": validators.last_modified,
    }
    return {name: value for name, value in headers.items() if value}


def _kept(validator: str) -> str:
    """Keep a validator that can be sent back as it is."""
    text = validator.strip()
    return (
        text
        if text.isascii() and text.isprintable() and len(text) <= _LONGEST_VALIDATOR
        else ""
    )


def _prepared(url: str) -> Target:
    """Read an address as it will be sent: percent signs and other alphabets put right.

    What is sent is read again, so that nothing is checked that is not sent.

    Raises:
        FetchError: it cannot be asked, or two readers would read it in two ways.

    """
    written = address.read(url)
    request = requests.PreparedRequest()
    try:
        request.prepare_url(written.url, None)
    except (requests.RequestException, ValueError) as error:
        raise of_error(error) from error
    sent = address.read(request.url or "")
    is_same = not written.host.isascii() or written.server == sent.server
    if not is_same:
        raise FetchError(
            "the address can be read in two ways", "Correct the source's `url`."
        )
    return replace(sent, login=written.login)


def _too_near(error: TooNearError) -> FetchError:
    return FetchError(
        f"the address leads into a network nearer than it comes from ({error.address})",
        (
            "A page on the internet must not make this machine read its own "
            "network. If it is meant, make it the source's `url`."
        ),
    )
