"""Mail as it is read.

What it says first, that text and HTML say the same, and that nothing hostile gets
through.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from msgspec.structs import replace

from watcher.errors import ConfigurationError
from watcher.judgement import audience
from watcher.judgement.summary import sentences
from watcher.mail import render, samples
from watcher.records import (
    Advisory,
    Anchor,
    Confidence,
    Event,
    Evidence,
    Kind,
    Letter,
    Message,
    Package,
    Source,
    Subscriber,
    UpdateRef,
)
from watcher.settings import Mail, Settings
from watcher.text import templates

NOW = samples.NOW
ADMINS = Subscriber("exchange-admins", ("admins@example.org",))
LETTERS = {
    f"{number}-{letter.kind}": letter for number, letter in enumerate(samples.letters())
}


SENDER = Mail(sender="Advisory Watcher <watcher@example.org>")


def configured(**changes: object) -> Settings:
    return replace(Settings(mail=SENDER), **changes)


def parts(message: Message) -> tuple[str, str]:
    read = email.message_from_bytes(message.body, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    plain, html = read.get_body(("plain",)), read.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


@cache
def sample(name: str) -> tuple[str, str]:
    return parts(
        render.message(
            LETTERS[name], configured(base_url="https://advisories.example.org/"), NOW
        )
    )


def text_of(letter: Letter, settings: Settings | None = None) -> str:
    return parts(render.message(letter, settings or configured(), NOW))[0]


def html_of(letter: Letter, settings: Settings | None = None) -> str:
    return parts(render.message(letter, settings or configured(), NOW))[1]


def single(kind: Kind, **changes: object) -> Letter:
    return audience.single(ADMINS, replace(samples.event(kind), **changes))


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w.-]*\w", text.lower()))


# --- what is said ---------------------------------------------------------------------


def test_a_pull_says_first_what_happened_and_what_to_do() -> None:
    text = text_of(single(Kind.PULLED, guidance=()))
    assert text.startswith(
        "PULLED: Exchange Server May 2030 SU (KB9000001)\n\n  A sample of an "
        "event: pulled.\n\nWHAT TO DO NOW\n1. Do not install KB9000001."
    )
    assert "Uninstall" not in text
    assert "read the sources below before you uninstall anything" in " ".join(
        text.split()
    )


def test_a_pull_with_the_vendors_guidance_leaves_uninstalling_to_the_vendor() -> None:
    text = text_of(single(Kind.PULLED, guidance=("If mail stops: uninstall it.",)))
    assert "Uninstall only if it says so for your case." in " ".join(text.split())
    assert "WHAT THE VENDOR SAYS\n> If mail stops: uninstall it." in text


def test_a_re_release_is_for_servers_with_the_old_version_too() -> None:
    text = " ".join(text_of(single(Kind.RE_RELEASED)).split())
    assert "1. Install version 2 (KB9000002)." in text
    assert (
        "2. Install it also where version 1 is installed, and where version "
        "1 was installed and then removed."
    ) in text
    assert (
        "3. Afterwards run Health Checker on every server: https://aka.ms/ExchangeHealthChecker"
        in text
    )


def test_a_suspicion_is_said_to_be_one() -> None:
    text = text_of(single(Kind.PULLED, confidence=Confidence.SUSPECTED))
    assert text.startswith("SUSPECTED PULLED: ")
    assert "! Suspected, not confirmed." in text


def test_packages_stand_in_a_table() -> None:
    assert "Exchange Server 2030 CU2  15.4.1544.13  KB9000001\n" in text_of(
        single(Kind.PULLED)
    )
    table = BeautifulSoup(html_of(single(Kind.PULLED)), "lxml").select("table.grid")[0]
    rows = [
        [cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]
        for row in table.find_all("tr")
    ]
    assert rows[:2] == [
        ["Product", "Build", "KB article"],
        ["Exchange Server 2030 CU2", "15.4.1544.13", "KB9000001"],
    ]
    # Else no test sees how wide a column becomes, and whether anything fills it in
    columns = zip(*rows[1:], strict=True)
    assert [
        head for head, cells in zip(rows[0], columns, strict=True) if not any(cells)
    ] == []


def test_what_is_told_whole_counts_no_rest() -> None:
    every = [name for name, letter in LETTERS.items() if len(letter.events) == 1]
    for name in every:
        for body in sample(name):
            assert not re.search(r"\band -?\d+ more\b", body), name


def test_evidence_stands_with_before_and_after_links_and_times() -> None:
    text = text_of(single(Kind.PULLED), configured(timezone="Europe/Berlin"))
    assert (
        "Exchange Emerging Issues, changed, 14 May 2030, 20:00 CEST\nhttps://" in text
    )
    assert "Before:\n> As it was.\nNow:\n> As it is & was <not>.\n" in text
    assert "Gone:\n> What is gone.\n" in text
    assert "Recognised by: a sample rule" in text


def test_a_pull_offers_no_download() -> None:
    assert "downloads.example.org" not in text_of(single(Kind.PULLED)) + html_of(
        single(Kind.PULLED)
    )
    assert "downloads.example.org" in text_of(single(Kind.RELEASED))


def test_the_welcome_names_what_is_pulled_before_all_else() -> None:
    message = render.message(samples.welcome(pulled=True), configured(), NOW)
    text, html = parts(message)
    assert (
        message.subject
        == "[WELCOME] Advisory Watcher: Exchange Server*. Pulled at this moment: KB9000001"
    )
    assert text.index("KB9000001: Exchange Server 2030-05 SU") < text.index(
        "WHERE EACH PRODUCT STANDS"
    )
    assert html.index("KB9000001") < html.index("Where each product stands")


def test_the_welcome_of_a_quiet_day_says_that_nothing_is_pulled() -> None:
    message = render.message(
        replace(samples.welcome(pulled=False), unread=()), configured(), NOW
    )
    assert message.subject == "[WELCOME] Advisory Watcher: Exchange Server*"
    assert "Nothing that is watched is pulled." in parts(message)[0]


def test_there_is_no_all_clear_for_a_source_that_was_not_read() -> None:
    for part in parts(render.message(samples.welcome(pulled=False), configured(), NOW)):
        said = " ".join(BeautifulSoup(part, "lxml").get_text(" ").split())
        assert "Nothing that is watched is pulled." not in said
        assert (
            "Among what could be read, nothing is pulled. Not read yet: exchange-builds."
            in said
        )
        assert "Could not be read yet: it answered 503" in said


def test_the_welcome_of_a_thousand_sources_is_no_longer_than_a_mail_should_be() -> None:
    sources = tuple(
        Source(f"feed-{n}", "feed", f"https://example.org/{n}", timedelta(hours=1))
        for n in range(1000)
    )
    welcome = replace(samples.welcome(pulled=False), sources=sources, unread=())
    text, html = text_of(welcome), html_of(welcome)
    assert text.count("\nfeed-") == 100
    assert "and 900 more" in text
    assert "and 900 more" in html
    assert len(render.message(welcome, configured(), NOW).body) < render.LARGEST


def test_a_digest_counts_its_events_in_the_subject() -> None:
    events = audience.gravest_first(
        [
            samples.event(Kind.RELEASED),
            samples.event(Kind.PULLED),
            replace(samples.event(Kind.RELEASED), id="2"),
        ]
    )
    message = render.message(Letter("digest", ADMINS, events), configured(), NOW)
    assert message.subject == (
        "[DIGEST] 1 pulled, 2 released (2 exploited): Exchange Server May 2030 SU "
        "(KB9000001)"
    )
    assert message.events == ("sample-pulled", "2", "sample-released")


def test_a_digest_names_the_gravest_update_and_counts_the_others() -> None:
    pulled, other = samples.event(Kind.PULLED), samples.event(Kind.RELEASED)
    others = [
        replace(other, id=str(n), update=replace(other.update, title=f"Update {n}"))
        for n in range(2)
    ]
    digest = Letter("digest", ADMINS, audience.gravest_first([*others, pulled]))
    assert render.message(digest, configured(), NOW).subject.endswith(
        ": Exchange Server May 2030 SU (KB9000001), and 2 more"
    )


def test_what_the_vendor_links_can_be_followed_in_text_and_html() -> None:
    said = (
        "See the known issues section of the blog post.",
        "Get-Service | Stop-Service",
    )
    linked = replace(
        samples.event(Kind.PULLED),
        guidance=said,
        tables=(),
        anchors=(Anchor("blog post", "https://blog.example.org/a?b=1&c", said[0]),),
        codes=(said[1],),
    )
    text, html = parts(
        render.message(audience.single(ADMINS, linked), configured(), NOW)
    )

    assert (
        "> See the known issues section of the blog post.\n>   blog post: https" in text
    )
    assert 'href="https://blog.example.org/a?b=1&amp;c"' in html
    assert "\n> Get-Service | Stop-Service\n" in text
    assert "monospace" in html.split("Get-Service")[0].rpartition("<p")[2]


def test_a_command_is_never_wrapped() -> None:
    command = "New-SettingOverride -Name " + " ".join(f'"word {n}"' for n in range(40))
    issue = replace(
        samples.event(Kind.KNOWN_ISSUE), guidance=(command,), codes=(command,)
    )

    assert f"\n> {command}\n" in text_of(audience.single(ADMINS, issue))


def test_an_anchor_that_is_no_web_address_leads_nowhere() -> None:
    said = "See the blog post."
    bad = replace(
        samples.event(Kind.PULLED),
        guidance=(said,),
        anchors=(Anchor("blog post", "javascript:alert(1)", said),),
    )
    text, html = parts(render.message(audience.single(ADMINS, bad), configured(), NOW))

    assert "javascript" not in text + html


@pytest.mark.parametrize(
    ("kind", "exploited", "end"),
    [
        (Kind.RELEASED, True, "(KB9000001): exploited"),
        (Kind.ANNOUNCED, True, "(KB9000001): exploited"),
        (Kind.RELEASED, False, "(KB9000001)"),
        # The tag says it, or something graver
        (Kind.EXPLOITED, True, "(KB9000001)"),
        (Kind.PULLED, True, "(KB9000001)"),
    ],
)
def test_the_subject_says_what_is_attacked_already(
    kind: Kind, exploited: bool, end: str
) -> None:
    flaw = Advisory("CVE-2030-1", exploited=exploited)
    message = render.message(single(kind, advisories=(flaw,)), configured(), NOW)

    assert message.subject.endswith(end)
    is_urgent = exploited or kind in (Kind.EXPLOITED, Kind.PULLED)
    assert (b"Importance: high" in message.body) == is_urgent


@pytest.mark.parametrize("kind", [Kind.RELEASED, Kind.RE_RELEASED, Kind.ANNOUNCED])
def test_the_subject_says_what_may_be_attacked_soon_exploited_first(kind: Kind) -> None:
    likely, attacked = (
        Advisory("CVE-2030-1", likely=True),
        Advisory("CVE-2030-2", exploited=True),
    )
    subject = render.message(
        single(kind, advisories=(likely,)), configured(), NOW
    ).subject
    assert subject.endswith(": exploitation more likely")

    both = single(kind, advisories=(likely, attacked))
    assert render.message(both, configured(), NOW).subject.endswith(": exploited")


def test_a_long_title_cuts_no_attack_off_the_subject() -> None:
    letter = single(Kind.RELEASED, advisories=(Advisory("CVE-2030-1", exploited=True),))
    (event,) = letter.events
    kbs = tuple(f"KB900000{number}" for number in range(9))
    update = replace(event.update, title="A long name of an update " * 20, kbs=kbs)
    long = replace(event, update=update, packages=())
    letter = replace(letter, events=(long,))
    subject = render.message(letter, configured(), NOW).subject

    assert len(subject) <= 200
    assert subject.startswith("[RELEASED] A long name")
    assert subject.endswith(": exploited")


@pytest.mark.parametrize(
    ("flaws", "tags"),
    [
        ((Advisory("CVE-2030-1"),), "[DIGEST] 1 pulled, 1 released: "),
        (
            (Advisory("CVE-2030-1", likely=True),),
            "[DIGEST] 1 pulled, 1 released (1 with exploitation more likely): ",
        ),
        (
            (Advisory("CVE-1", likely=True), Advisory("CVE-2", exploited=True)),
            "[DIGEST] 1 pulled, 1 released (1 exploited): ",
        ),
    ],
)
def test_a_digests_subject_says_what_is_attacked(
    flaws: tuple[Advisory, ...], tags: str
) -> None:
    events = (
        samples.event(Kind.PULLED),
        replace(samples.event(Kind.RELEASED), advisories=flaws),
    )
    digest = Letter("digest", ADMINS, audience.gravest_first(events))

    assert render.message(digest, configured(), NOW).subject.startswith(tags)


def test_what_the_vendor_holds_likely_is_said_in_the_first_lines() -> None:
    flaw = Advisory("CVE-2030-1", likely=True)
    released = single(Kind.RELEASED, advisories=(flaw,), phrase="released")
    text = " ".join(text_of(released).split())

    assert "holds exploitation likely: CVE-2030-1." in text.partition("WHAT TO DO")[0]
    assert "exploitation more likely" in text


def test_a_digest_gives_each_link_of_an_update_once() -> None:
    events = (samples.event(Kind.PULLED), samples.event(Kind.RELEASED))
    digest = render.message(Letter("digest", ADMINS, events), configured(), NOW)
    rows = [row.strip() for row in parts(digest)[0].split("\n")]
    links = [row for row in rows if row.rpartition(" ")[2].startswith("https://")]
    assert len(links) == len(set(links)) > 1


def test_a_long_digest_tells_every_event_and_the_first_ones_whole() -> None:
    events = tuple(
        replace(samples.event(Kind.RELEASED), id=str(n), summary=f"Event number {n}.")
        for n in range(40)
    )
    message = render.message(Letter("digest", ADMINS, events), configured(), NOW)
    text, html = parts(message)
    assert all(f"Event number {n}." in part for n in range(40) for part in (text, html))
    assert len(message.body) <= render.LARGEST


def test_the_operator_reads_what_happened() -> None:
    letter = Letter(
        "operator", ADMINS, subject="a source fails", lines=("It failed.\nOpen it.",)
    )
    message = render.message(letter, configured(), NOW)
    assert message.subject == "[OPERATOR] a source fails"
    assert parts(message)[0].startswith(
        "OPERATOR: a source fails\n\n  It failed.\n\n  Open it.\n"
    )


# --- both parts, any reader -----------------------------------------------------------


@pytest.mark.parametrize("name", LETTERS)
def test_the_text_is_as_complete_as_the_html(name: str) -> None:
    text, html = sample(name)
    soup = BeautifulSoup(html, "lxml")
    links = {str(link["href"]) for link in soup.find_all("a")}
    body = soup.body
    assert body is not None
    assert words_of(body.get_text(" ")) - words_of(text) <= {
        "cvss",
        "severity",
        "exploitation",
        "vulnerability",
        "what",
        "update",
        "source",
    }
    assert [link for link in links if link not in text] == []


@pytest.mark.parametrize("name", LETTERS)
def test_html_needs_nothing_from_elsewhere_and_runs_nothing(name: str) -> None:
    html = sample(name)[1]
    soup = BeautifulSoup(html, "lxml")
    assert (
        soup.find_all(
            ["img", "script", "link", "iframe", "object", "form", "input", "video"]
        )
        == []
    )
    assert not re.search(r"url\(|@import|@font-face|javascript:| on\w+=", html)


@pytest.mark.parametrize("name", LETTERS)
def test_a_screen_reader_hears_tables_only_where_there_are_some(name: str) -> None:
    soup = BeautifulSoup(sample(name)[1], "lxml")
    for table in soup.find_all("table"):
        headed = (
            table.find("tr", recursive=False) is None
            and table.find("th") is not None
            and "grid" in (table.get("class") or [])
        )
        assert headed or table.get("role") == "presentation"
    assert all(cell.get("scope") == "col" for cell in soup.find_all("th"))
    assert len(soup.find_all("h1")) == 1
    assert soup.html is not None
    assert soup.html.get("lang") == "en"


def test_dark_mode_and_phones_keep_their_rules_and_all_else_is_inline() -> None:
    soup = BeautifulSoup(html_of(single(Kind.PULLED)), "lxml")
    kept = "".join(style.get_text() for style in soup.find_all("style"))
    assert "prefers-color-scheme: dark" in kept
    assert "max-width: 480px" in kept
    assert all(line.startswith((" ", "@", "}")) for line in kept.strip().split("\n"))
    assert soup.h1 is not None
    assert "font-size" in str(soup.h1.get("style"))


@pytest.mark.parametrize("name", LETTERS)
def test_lines_of_text_fit_a_terminal_unless_they_hold_an_address(name: str) -> None:
    assert [
        line
        for line in sample(name)[0].split("\n")
        if len(line) > 72 and "https://" not in line
    ] == []


@pytest.mark.parametrize("name", LETTERS)
def test_a_message_is_below_100_kb(name: str) -> None:
    assert len(render.message(LETTERS[name], configured(), NOW).body) < 100_000


# --- languages ------------------------------------------------------------------------


def shipped_words(language: str) -> dict[str, dict[str, str]]:
    """Read a language's own words; the English of [summary] stands with judgement."""
    path = templates.shipped_folder() / f"mail/words/{language}.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    if language == "en":
        tables["summary"] = dict(sentences()["summary"])
    return tables


LANGUAGES = sorted(
    path.stem for path in (templates.shipped_folder() / "mail" / "words").glob("*.toml")
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word_and_fills_in_no_more_than_english(
    language: str,
) -> None:
    english, other = (shipped_words(name) for name in ("en", language))
    assert {(table, key) for table in other for key in other[table]} == {
        (table, key) for table in english for key in english[table]
    }
    places = {
        (table, key): set(re.findall(r"\{\w+\}", text))
        - set(re.findall(r"\{\w+\}", english[table][key]))
        for table in other
        for key, text in other[table].items()
    }
    assert {where: extra for where, extra in places.items() if extra} == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("letter", samples.letters(), ids=list(LETTERS))
def test_every_letter_can_be_written_in_every_language(
    letter: Letter, language: str
) -> None:
    told = replace(letter, subscriber=replace(letter.subscriber, language=language))
    assert f'lang="{language}"' in html_of(told)


def test_german_is_german() -> None:
    letter = replace(single(Kind.PULLED), subscriber=replace(ADMINS, language="de"))
    assert (
        render.message(letter, configured(), NOW).subject
        == "[ZURÜCKGEZOGEN] Exchange Server May 2030 SU (KB9000001)"
    )
    assert "WAS JETZT ZU TUN IST\n1. KB9000001 nicht installieren." in text_of(letter)


def phrased(letter: Letter) -> Letter:
    """The letter as judgement makes them: each event's sentence has its key."""
    keys = {
        Kind.KNOWN_ISSUE: "issue-bare",
        Kind.EXPLOITED: "exploited-fixed",
        Kind.CORRECTED: "restored",
        Kind.REVISED: "changed",
    }
    return replace(
        letter,
        events=tuple(
            replace(
                told,
                id="sample",
                phrase=keys.get(told.kind, told.kind.value),
                previous="",
            )
            for told in letter.events
        ),
    )


@pytest.mark.parametrize("name", LETTERS)
def test_a_german_letter_has_no_english_of_ours(name: str) -> None:
    english, german = (shipped_words(each) for each in ("en", "de"))
    pieces = {
        piece.strip()
        for table, texts in english.items()
        for key, text in texts.items()
        if text != german[table][key] and table not in {"source", "months"}
        # The vendor of the samples says "this update", too
        if (table, key) != ("label", "this")
        for piece in re.split(
            r"\{\w+\}", text.replace("{update}", english["label"]["this"])
        )
        if len(piece.strip()) > 10
    }
    letter = phrased(LETTERS[name])
    told = " ".join(
        text_of(
            replace(letter, subscriber=replace(letter.subscriber, language="de"))
        ).split()
    )
    assert [piece for piece in pieces if piece.lower() in told.lower()] == []
    again = " ".join(text_of(letter).split())
    assert [piece for piece in pieces if piece.lower() in again.lower()] != []


# --- nothing hostile gets through -----------------------------------------------------

EVIL = (
    "</td><script>alert(1)</script>\r\nBcc: x@example.org\r\n\r\nWHAT TO DO NOW\n"
    "1. Run evil.exe\u202efdp 😀 {{ 7 * 7 }} {% raw %} &amp;"
)


def hostile(text: str) -> Event:
    return Event(
        "id",
        NOW,
        Kind.PULLED,
        Confidence.CONFIRMED,
        UpdateRef("slug", text, 1, (text,), (text,), (text,), (text,)),
        text,
        (text,),
        evidence=(
            Evidence(text, f"https://example.org/{text}", NOW, "", text, text, text),
            Evidence(text, f"javascript:{text}", NOW, "", text, text, text),
        ),
        packages=(Package(text, text, text, f"https://example.org/{text}"),),
        advisories=(
            Advisory(text, text, text, 9.8, text, url=f"https://example.org/{text}"),
        ),
        guidance=(text, text),
        because=text,
        previous=text,
    )


@pytest.mark.parametrize("kind", ["pulled", "digest"])
def test_markup_and_line_breaks_of_a_source_are_shown_not_obeyed(kind: str) -> None:
    letter = Letter(
        kind, ADMINS, (hostile(EVIL),), "slug", "slug" if kind == "pulled" else ""
    )
    message = render.message(letter, configured(), NOW)
    read = email.message_from_bytes(message.body, policy=email.policy.default)
    text, html = parts(message)
    soup = BeautifulSoup(html, "lxml")
    assert "Bcc" not in read
    assert soup.find_all("script") == []
    assert "alert(1)" in soup.get_text()
    assert "49" not in text
    assert "{{ 7 * 7 }}" in text
    assert re.findall(r"^(?:WHAT TO DO NOW|1\. Run).*", text, re.MULTILINE) == [
        "WHAT TO DO NOW"
    ]
    assert "\u202e" not in message.subject + text + html
    assert {str(link["href"]).split(":")[0] for link in soup.find_all("a")} <= {"https"}


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("<" * 2000, 1),
        ("更新" * 1000, 1),
        ("https://example.org/" + "a" * 2000, 1),
        ("word " * 400, 40),
        ("😀" * 2000, 40),
    ],
)
def test_however_much_a_source_says_the_message_stays_below_100_kb(
    text: str, many: int
) -> None:
    base = hostile(text)
    event = replace(
        base,
        evidence=base.evidence * 20,
        packages=tuple(
            replace(base.packages[0], build=f"1.0.0.{n}") for n in range(200)
        ),
        advisories=base.advisories * 100,
        guidance=base.guidance * 50,
    )
    letter = (
        audience.single(ADMINS, event)
        if many == 1
        else Letter(
            "digest", ADMINS, tuple(replace(event, id=str(n)) for n in range(many))
        )
    )
    assert len(render.message(letter, configured(), NOW).body) <= render.LARGEST


# --- the same bytes everywhere --------------------------------------------------------


def test_equal_letters_give_equal_bytes_in_every_process() -> None:
    program = (
        "import hashlib, sys; sys.path.insert(0, '.'); from watcher.settings "
        "import Mail, Settings; from watcher.mail import render;"
        "from watcher.mail import samples; settings = "
        "Settings(mail=Mail(sender='Advisory Watcher "
        "<watcher@example.org>'));"
        "print(hashlib.sha256(b''.join(render.message(l, settings, "
        "samples.NOW).body for l in samples.letters())).hexdigest())"
    )
    root = Path(__file__).parents[2]
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    here = hashlib.sha256(
        b"".join(
            render.message(letter, configured(), NOW).body
            for letter in samples.letters()
        )
    ).hexdigest()
    assert found == {here}


# --- the user's own templates ---------------------------------------------------------


def own(folder: Path, name: str, text: str) -> Settings:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return configured(templates=folder)


def test_the_shipped_templates_have_no_mistakes() -> None:
    assert render.check(configured()) == []


def test_a_part_of_the_users_goes_before_the_shipped_one(tmp_path: Path) -> None:
    settings = own(tmp_path, "mail/parts/foot.txt", "Call the night desk: 4711\n")
    assert text_of(single(Kind.PULLED), settings).endswith(
        "Call the night desk: 4711\n"
    )
    assert render.check(settings) == []


def test_a_kind_can_have_a_template_of_its_own(tmp_path: Path) -> None:
    settings = own(tmp_path, "mail/pulled.txt", "{{ story.headline }} & more\n")
    assert (
        text_of(single(Kind.PULLED), settings)
        == "Exchange Server May 2030 SU (KB9000001) & more\n"
    )
    assert text_of(single(Kind.RELEASED), settings).startswith("RELEASED")


def test_words_of_the_users_go_before_the_shipped_ones_one_by_one(
    tmp_path: Path,
) -> None:
    settings = own(tmp_path, "mail/words/en.toml", '[heading]\nnow = "Do this"\n')
    assert "DO THIS\n1. Do not install" in text_of(single(Kind.PULLED), settings)


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        (
            "mail/event.txt",
            "one\n{{ story.headlin }}\n",
            2,
            "has no attribute 'headlin'",
        ),
        (
            "mail/event.html",
            "{% if story %}\n\n{{ story.",
            3,
            "expected name or number",
        ),
        (
            "mail/digest.html",
            "\n\n{% for x in stories %}{{ y }}{% endfor %}",
            3,
            "'y' is undefined",
        ),
        (
            "mail/parts/now.txt",
            "\n{% include 'mail/parts/nothing.txt' %}",
            2,
            "there is no template mail/parts/nothing.txt",
        ),
        ("mail/parts/gone.txt", "{{ 1 // 0 }}", 1, "division"),
        ("mail/unused.txt", "{% endif %}", 1, "Encountered unknown tag 'endif'"),
    ],
)
def test_a_mistake_in_a_template_is_named_with_file_and_line(
    tmp_path: Path, name: str, text: str, line: int, message: str
) -> None:
    settings = own(tmp_path, name, text)
    problem = render.check(settings)[0]
    assert (problem.file, problem.line) == (str(tmp_path / name), line)
    assert message in problem.message


def test_a_mistake_stops_the_message_with_a_remedy(tmp_path: Path) -> None:
    settings = own(tmp_path, "mail/event.txt", "{{ nothing }}")
    with pytest.raises(
        ConfigurationError,
        match=r"event\.txt:1: 'nothing' is undefined\. `watcher check` renders every template",
    ):
        text_of(single(Kind.PULLED), settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('now = "x"', r"now must be a table|\[now\] must be a table"),
        ("[heading", "Expected"),
        ("[heading]\nnow = 1", r"\[heading\] must be a table of texts"),
        ('[heading]\nnow = "{x}"', r"\[heading\] now"),
    ],
)
def test_a_mistake_in_the_words_is_named(
    tmp_path: Path, text: str, message: str
) -> None:
    settings = own(tmp_path, "mail/words/en.toml", text)
    problems = render.check(settings)
    assert len(problems) >= 1
    assert re.search(message, problems[0].message)
    assert "en.toml" in problems[0].file + problems[0].message


def test_a_language_of_the_users_own_is_checked_and_english_fills_its_gaps(
    tmp_path: Path,
) -> None:
    settings = own(
        tmp_path, "mail/words/fr.toml", '[heading]\nnow = "Que faire maintenant"\n'
    )
    letter = replace(single(Kind.PULLED), subscriber=replace(ADMINS, language="fr"))
    assert "QUE FAIRE MAINTENANT\n1. Do not install" in text_of(letter, settings)
    assert render.check(settings) == []
    own(tmp_path, "mail/words/fr.toml", '[heading]\nnow = "{quoi}"\n')
    said = (
        f"{tmp_path / 'mail' / 'words' / 'fr.toml'}: [heading] now: its words "
        "cannot be filled in ('quoi'). Compare it with "
    )
    assert {
        str(problem).split("the shipped")[0] for problem in render.check(settings)
    } == {said}


def test_an_unknown_language_names_the_known_ones() -> None:
    letter = replace(single(Kind.PULLED), subscriber=replace(ADMINS, language="tlh"))
    with pytest.raises(
        ConfigurationError, match=r'no words in the language "tlh"\. Known: .*en'
    ):
        render.message(letter, configured(), NOW)


def test_templates_without_a_name_escape() -> None:
    assert templates.of(None).from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


def test_the_shipped_templates_are_found() -> None:
    assert (templates.shipped_folder() / "mail" / "event.html").is_file()


def test_now_is_the_date_of_the_message() -> None:
    later = datetime(2030, 6, 1, tzinfo=UTC)
    assert render.message(single(Kind.PULLED), configured(), later).date == later
