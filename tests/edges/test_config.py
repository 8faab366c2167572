"""The configuration.

What every key comes to, where the file is looked for, and what is said of mistakes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.attacks import tried
from watcher import config
from watcher.config.source_settings import BUILTIN
from watcher.errors import ConfigurationError
from watcher.kinds import SOURCE_KINDS
from watcher.records import Kind, Source

WHOLE = """
[watch]
products = ["Exchange Server*", "SharePoint*"]
state = "sqlite:///kept/watcher.db"
site = "www"
base_url = "https://advisories.example.org/exchange"
timezone = "Europe/Berlin"
ca_bundle = "corp.pem"
evidence = "state/evidence"
evidence_files = 100
evidence_megabytes = 50
inventory = "inventory.csv"
publish_servers = true
templates = "mine"
contact = "it@example.org"
builtin_sources = false

[mail]
from = "Advisory Watcher <watcher@example.org>"
smtp = "smtp://mail.example.org:587"
outbox = "out"

[[source]]
name = "blog"
kind = "feed"
url = "https://blog.example.org/feed.xml?key=${BLOG_KEY}"
every = "1h30m"
enabled = true

[[subscriber]]
name = "exchange-admins"
to = ["a@example.org", "b@example.org", "a@example.org"]
products = ["Exchange Server*"]
kinds = ["released", "pulled"]
when = "weekly Mon 07:00"
fallback = ["teams"]
suspected = false
language = "en"

[[channel]]
name = "teams"
url = "${TEAMS_URL}"
"""
ENVIRON = {
    "BLOG_KEY": "blog-key-1234",
    "TEAMS_URL": "json://hook.example.org/s3cret",
    "WATCHER_SMTP_USER": "sender-account",
    "WATCHER_SMTP_PASSWORD": "correct horse",
}


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no configuration folder of the user's."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def loaded(
    folder: Path, text: str, environ: Mapping[str, str] | None = None
) -> config.Settings:
    """Load ``text`` as the watcher.toml of ``folder``."""
    file = folder / "watcher.toml"
    file.write_text(text, encoding="utf-8")
    return config.load(file, environ or {})


def complaint(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    """Load what must be refused, and give what was said, the file's folder left out."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, text, environ)
    return str(caught.value).replace(f"{folder}/", "")


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "corp.pem").touch()
    (tmp_path / "mine").mkdir()

    settings = loaded(tmp_path, WHOLE, ENVIRON)

    assert settings.watch.products == ("Exchange Server*", "SharePoint*")
    assert settings.state == f"sqlite:///{tmp_path.as_posix()}/kept/watcher.db"
    assert (settings.site, settings.evidence, settings.inventory) == (
        tmp_path / "www",
        tmp_path / "state/evidence",
        tmp_path / "inventory.csv",
    )
    assert (settings.evidence_files, settings.evidence_bytes) == (100, 50 << 20)
    assert (settings.ca_bundle, settings.templates) == (
        tmp_path / "corp.pem",
        tmp_path / "mine",
    )
    assert settings.publish_servers
    assert settings.base_url == "https://advisories.example.org/exchange/"
    assert str(settings.zone) == settings.timezone == "Europe/Berlin"
    assert settings.contact == "it@example.org"
    assert settings.sources == (
        Source(
            "blog",
            "feed",
            "https://blog.example.org/feed.xml?key=${BLOG_KEY}",
            timedelta(minutes=90),
            own=True,
        ),
    )
    (subscriber,) = settings.subscribers
    assert subscriber.to == ("a@example.org", "b@example.org")
    assert set(subscriber.kinds) == {Kind.PULLED, Kind.RELEASED}
    assert (subscriber.when, subscriber.fallback, subscriber.suspected) == (
        "weekly Mon 07:00",
        ("teams",),
        False,
    )
    assert settings.channels[0].url.reveal() == "json://hook.example.org/s3cret"
    mail = settings.mail
    assert (mail.sender, mail.smtp) == (
        "Advisory Watcher <watcher@example.org>",
        "smtp://mail.example.org:587",
    )
    assert mail.outbox == tmp_path / "out"
    assert mail.user is not None
    assert mail.user.reveal() == "sender-account"
    assert mail.password is not None
    assert mail.password.reveal() == "correct horse"


def test_no_secret_shows_in_settings_or_in_masked_text(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        WHOLE.replace('ca_bundle = "corp.pem"\n', "").replace(
            'templates = "mine"\n', ""
        ),
        ENVIRON,
    )

    assert not [value for value in ENVIRON.values() if value in repr(settings)]
    assert (
        f"{settings.mail.password} {settings.mail.password:>5} {settings.mail.password!r}"
        == "***   *** ***"
    )
    said = "GET /feed.xml?key=blog-key-1234 with correct%20horse or correct+horse"
    assert (
        settings.masked(said)
        == "GET /feed.xml?key=${BLOG_KEY} with ${WATCHER_SMTP_PASSWORD} or ${WATCHER_SMTP_PASSWORD}"
    )


def test_without_a_file_the_builtin_defaults_run(alone: Path) -> None:
    settings = config.load(None, {"XDG_CONFIG_HOME": str(alone / "none")})

    assert settings.file is None
    assert settings.watch.products == ("Exchange Server*",)
    assert settings.state == "sqlite:///state/watcher.db"
    assert (settings.mail.smtp, settings.mail.outbox, settings.site) == (
        "",
        Path("outbox"),
        Path("public"),
    )
    assert [source.name for source in settings.sources] == [
        source.name for source in BUILTIN
    ]
    assert {source.kind for source in settings.sources} <= set(SOURCE_KINDS)
    # Exchange alone asks what it always did
    assert [source.name for source in settings.sources if source.enabled] == [
        "msrc-cvrf",
        "msrc-guide",
        "msrc-csaf",
        "exchange-blog",
        "exchange-issues",
        "exchange-builds",
        "download-center",
        "kb-articles",
        "update-catalog",
        "health-checker",
        "cisa-kev",
    ]
    assert [subscriber.to for subscriber in settings.subscribers] == [
        ("administrators@localhost",)
    ]
    assert str(settings.zone) == "UTC"


def test_the_first_place_with_a_file_counts(alone: Path) -> None:
    user = alone / "xdg"
    places = [
        alone / "named.toml",
        alone / "environ.toml",
        alone / "watcher.toml",
        user / "watcher" / "watcher.toml",
    ]
    environ = {"WATCHER_CONFIG": "environ.toml", "XDG_CONFIG_HOME": str(user)}
    (user / "watcher").mkdir(parents=True)
    for place in places:
        place.write_text(
            f'[watch]\nproducts = ["{place.name} in {place.parent.name}"]\n',
            encoding="utf-8",
        )

    def found(path: Path | None) -> str:
        return config.load(path, environ).watch.products[0]

    assert found(places[0]) == "named.toml in work"
    assert found(None) == "environ.toml in work"
    del environ["WATCHER_CONFIG"]
    assert found(None) == "watcher.toml in work"
    places[2].unlink()
    assert found(None) == "watcher.toml in watcher"


@pytest.mark.parametrize("named_by", ["--config", "WATCHER_CONFIG"])
def test_a_named_file_must_exist(alone: Path, named_by: str) -> None:
    path, environ = (
        (Path("gone.toml"), {})
        if named_by == "--config"
        else (None, {"WATCHER_CONFIG": "gone.toml"})
    )

    with pytest.raises(
        ConfigurationError,
        match=rf"gone\.toml: there is no such file\. Correct {named_by}, or write one: watcher init",
    ):
        config.load(path, environ)


def test_servers_are_published_only_where_it_is_asked_for_and_there_are_some(
    tmp_path: Path,
) -> None:
    assert not loaded(
        tmp_path, '[watch]\ninventory = "inventory.csv"\n'
    ).publish_servers
    said = complaint(tmp_path, "[watch]\npublish_servers = true\n")
    assert said.startswith(
        "watcher.toml:2: watch.publish_servers: no server is known that could be published"
    )
    assert 'inventory = "inventory.csv"' in said


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    file = tmp_path / "watcher.toml"
    file.write_bytes("[watch]\n# für alle".encode("latin-1"))
    with pytest.raises(
        ConfigurationError, match=r"watcher\.toml: it is not UTF-8 .* Save it as UTF-8"
    ):
        config.load(file, {})
    with pytest.raises(
        ConfigurationError,
        match=r"it cannot be read \((Is a directory|Permission denied)\)",
    ):
        config.load(tmp_path, {})
    said = complaint(tmp_path, "[watch]\nproducts = [\n\nsite = 3")
    assert said.startswith("watcher.toml:4: it is not TOML: ")
    assert said.endswith("Correct that line (see https://toml.io).")


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    assert loaded(tmp_path, "\ufeff[watch]\nproducts = ['*']").watch.products == ("*",)


MISTAKES = tomllib.loads(
    (Path(__file__).parent / "data" / "mistakes.toml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_line_key_and_remedy(
    tmp_path: Path, mistake: str
) -> None:
    text, said = MISTAKES[mistake]["text"], MISTAKES[mistake]["said"]

    assert said in complaint(tmp_path, text).splitlines()


def test_all_mistakes_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    said = complaint(
        tmp_path,
        (
            '[watch]\ntimezone = "x"\n[mail]\nfrom = "x"\n[[source]]\nname = '
            '"a"\n[[source]]\nname = "exchange-blog"\nevery = "x"'
        ),
    )

    assert [line.split(": ")[:2] for line in said.splitlines()] == [
        ["watcher.toml:2", "watch.timezone"],
        ["watcher.toml:4", "mail.from"],
        ["watcher.toml:5", "source[1]"],
        ["watcher.toml:9", "source[2].every"],
    ]


def test_inline_and_dotted_keys_have_a_line_too(tmp_path: Path) -> None:
    assert complaint(tmp_path, '# first\nwatch.timezone = "x"').startswith(
        "watcher.toml:2: watch.timezone: "
    )
    assert complaint(
        tmp_path, '\n\nsource = [{ name = "exchange-blog", every = "x" }]'
    ).startswith("watcher.toml:3: source[1].every: ")


@pytest.mark.parametrize(
    ("product", "on", "off"),
    [
        ("Windows Server 2025*", "windows-health", "exchange-builds"),
        ("windows*", "windows-health", "exchange-blog"),
        ("Exchange Server 2019*", "exchange-builds", "windows-health"),
        ("*", "windows-health", "msrc-blog"),
    ],
)
def test_the_sources_that_concern_what_is_watched_are_on(
    tmp_path: Path, product: str, on: str, off: str
) -> None:
    settings = loaded(tmp_path, f'[watch]\nproducts = ["{product}"]\n')
    enabled = {source.name for source in settings.sources if source.enabled}
    assert on in enabled
    assert off not in enabled
    assert "msrc-cvrf" in enabled


def test_a_source_of_what_is_not_watched_is_on_where_the_file_says_so(
    tmp_path: Path,
) -> None:
    settings = loaded(tmp_path, '[[source]]\nname = "windows-health"\n')
    assert {source.name: source.enabled for source in settings.sources}[
        "windows-health"
    ]


def test_a_builtin_source_is_changed_by_what_differs(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        (
            '[[source]]\nname = "exchange-blog"\nevery = "30m"\n[[source]]\nname '
            '= "msrc-guide"\nenabled = false\n'
        ),
    )

    by_name = {source.name: source for source in settings.sources}
    builtin = {source.name: source for source in BUILTIN}
    assert by_name["exchange-blog"].every == timedelta(minutes=30)
    assert (by_name["exchange-blog"].url, by_name["exchange-blog"].kind) == (
        builtin["exchange-blog"].url,
        "feed",
    )
    assert not by_name["msrc-guide"].enabled
    assert not any(source.own for source in settings.sources)
    assert by_name["msrc-cvrf"] == builtin["msrc-cvrf"]


def test_an_address_that_the_file_gives_is_the_administrators_own(
    tmp_path: Path,
) -> None:
    settings = loaded(
        tmp_path,
        '[[source]]\nname = "exchange-blog"\nurl = "https://blog.example.org/"\n',
    )
    assert [source.name for source in settings.sources if source.own] == [
        "exchange-blog"
    ]


@pytest.mark.parametrize(
    ("name", "line", "silent", "monthly"),
    [
        ("msrc-guide", "", None, True),
        ("msrc-guide", 'silent = "never"', None, False),
        ("cisa-kev", "", timedelta(days=45), False),
        ("cisa-kev", 'silent = "Patch-Tuesday"', None, True),
        ("health-checker", "", None, False),
        ("health-checker", 'silent = "90d"', timedelta(days=90), False),
    ],
)
def test_a_source_may_be_silent_as_long_as_is_said(
    tmp_path: Path, name: str, line: str, silent: timedelta | None, monthly: bool
) -> None:
    settings = loaded(tmp_path, f'[[source]]\nname = "{name}"\n{line}\n')
    (source,) = (source for source in settings.sources if source.name == name)
    assert (source.silent, source.monthly) == (silent, monthly)


def test_a_sources_language_is_one_that_can_be_read(tmp_path: Path) -> None:
    table = '[[source]]\nname = "msrc-guide"\nlanguage = "de"\n'
    by_name = {source.name: source for source in loaded(tmp_path, table).sources}
    assert by_name["msrc-guide"].language == "de"
    assert by_name["cisa-kev"].language == ""
    with pytest.raises(ConfigurationError, match="language that can be read"):
        loaded(tmp_path, table.replace('"de"', '"xx"'))


def test_months_of_another_name_are_held_to_microsofts_hour_and_a_feed_of_another_name_is_not(
    tmp_path: Path,
) -> None:
    tables = "".join(
        f'[[source]]\nname = "own-{kind}"\nkind = "{kind}"\nurl = "https://example.org/"\n'
        for kind in ("cvrf", "feed")
    )
    by_name = {source.name: source for source in loaded(tmp_path, tables).sources}
    assert (
        by_name["own-cvrf"].monthly,
        by_name["own-feed"].monthly,
        by_name["own-feed"].silent,
    ) == (True, False, None)


def test_a_length_of_silence_that_is_none_is_named_with_its_remedy(
    tmp_path: Path,
) -> None:
    found = complaint(tmp_path, '[[source]]\nname = "cisa-kev"\nsilent = "long"')
    assert found == (
        'watcher.toml:3: source[1].silent: "long" is no length of time. '
        'Write "45d", "patch-tuesday" or "never".'
    )


def test_without_the_builtin_sources_one_may_still_be_named(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        '[watch]\nbuiltin_sources = false\n[[source]]\nname = "exchange-builds"',
    )

    assert [(source.name, source.kind) for source in settings.sources] == [
        ("exchange-builds", "build-table")
    ]


@pytest.mark.parametrize(
    "content", [b"from a file\n", b"from a file\r\n", b"\xef\xbb\xbffrom a file"]
)
def test_a_secret_may_lie_in_a_file(tmp_path: Path, content: bytes) -> None:
    # Windows' editors write its line ends, and a mark before the text
    (tmp_path / "password").write_bytes(content)
    text = WHOLE.replace('ca_bundle = "corp.pem"\n', "").replace(
        'templates = "mine"\n', ""
    )
    environ = {
        name: value
        for name, value in ENVIRON.items()
        if name != "WATCHER_SMTP_PASSWORD"
    }

    settings = loaded(
        tmp_path,
        text,
        environ | {"WATCHER_SMTP_PASSWORD_FILE": str(tmp_path / "password")},
    )

    assert settings.mail.password is not None
    assert settings.mail.password.reveal() == "from a file"


SMTP = (
    '[mail]\nfrom = "w@example.org"\nsmtp = "smtp://mail.example.org"\n'
    '[[subscriber]]\nname = "a"\nto = ["a@example.org"]\n'
)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"WATCHER_SMTP_USER": "u"},
            "there is a user, WATCHER_SMTP_USER, but WATCHER_SMTP_PASSWORD is not set",
        ),
        (
            {"WATCHER_SMTP_USER": "u", "WATCHER_SMTP_USER_FILE": "/x"},
            "WATCHER_SMTP_USER and WATCHER_SMTP_USER_FILE are both set. Set one of them.",
        ),
        (
            {"WATCHER_SMTP_USER_FILE": "/nowhere/user"},
            "cannot be read: /nowhere/user (No such file or directory)",
        ),
        (
            {"WATCHER_SMTP_USER_FILE": "empty"},
            "is empty: empty. Write the secret into it, or unset WATCHER_SMTP_USER_FILE.",
        ),
        (
            {"WATCHER_SMTP_USER_FILE": "binary"},
            "cannot be read: binary (it is not UTF-8). Save it as UTF-8.",
        ),
    ],
)
def test_half_a_login_is_refused(
    alone: Path, environ: dict[str, str], said: str
) -> None:
    (alone / "empty").touch()
    (alone / "binary").write_bytes(b"\xff\xfe\x00")

    assert said in complaint(alone, SMTP, environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WATCHER_SMTP_PASSWORD", "pw"),
        ("WATCHER_SMTP_PASSWORD_FILE", "/nowhere/password"),
    ],
)
def test_a_password_that_is_left_over_is_warned_of_and_not_read(
    tmp_path: Path, name: str, value: str
) -> None:
    settings = loaded(tmp_path, SMTP, {name: value})

    assert (settings.mail.user, settings.mail.password) == (None, None)
    (warning,) = settings.warnings
    assert warning == (
        f"{tmp_path / 'watcher.toml'}:3: mail.smtp: {name} is set, but there "
        "is no user: mail goes out without a login. "
        f"Write smtp://user@host:port, or set WATCHER_SMTP_USER; or unset {name}."
    )
    assert loaded(tmp_path, "", {name: value}).warnings == ()


def test_the_user_may_stand_in_the_address(tmp_path: Path) -> None:
    mail = loaded(
        tmp_path,
        SMTP.replace("//mail", "//it%40example.org@mail"),
        {"WATCHER_SMTP_PASSWORD": "pw"},
    ).mail

    assert mail.smtp == "smtp://mail.example.org"
    assert mail.user is not None
    assert mail.user.reveal() == "it@example.org"


def test_how_to_talk_to_the_mail_server_may_follow_its_address(tmp_path: Path) -> None:
    url = "smtp://mail.example.org:25?starttls=required&auth=xoauth2&timeout=10"

    assert (
        loaded(tmp_path, SMTP.replace("smtp://mail.example.org", url), {}).mail.smtp
        == url
    )


@pytest.mark.parametrize(
    "option",
    [
        "starttls=offered",
        "auth=ntlm",
        "timeout=0",
        "timeout=soon",
        "other=1",
        "nonsense",
    ],
)
def test_an_unknown_option_of_the_mail_server_is_named_with_the_known_ones(
    tmp_path: Path, option: str
) -> None:
    said = complaint(
        tmp_path, SMTP.replace("mail.example.org", f"mail.example.org?{option}")
    )

    assert (
        f'"{option}" is no option of a mail server. After the host may follow '
        "?starttls=required or never"
    ) in said


LOGIN = {"WATCHER_SMTP_USER": "it", "WATCHER_SMTP_PASSWORD": "hunter2-hunter2"}
IN_CLEAR = {
    "smtp": "smtp://mail.example.org?starttls=never",
    "smtp, a private address": "smtp://10.0.0.25:25?starttls=never",
    "smtp, among other options": "smtp://mail.example.org?timeout=9&starttls=never",
    "smtp, the user in the address": "smtp://it@mail.example.org?starttls=never",
    "smtp, a name that begins alike": "smtp://localhost.example.org?starttls=never",
    "replies": "imap://it@mail.example.org?starttls=never",
    "replies, a private address": "imap://it@192.168.1.5?starttls=never",
    "replies, a name that begins alike": "imap://it@127.0.0.1.example.org?starttls=never",
}


@tried("trust")
@pytest.mark.parametrize("case", IN_CLEAR)
def test_a_password_is_said_in_clear_text_on_this_machine_only(
    tmp_path: Path, case: str
) -> None:
    key = case.partition(",")[0]
    text = SMTP
    if key == "smtp":
        text = text.replace("smtp://mail.example.org", IN_CLEAR[case])
    else:
        text = text.replace("[[sub", f'replies = "{IN_CLEAR[case]}"\n[[sub')

    said = complaint(tmp_path, text, LOGIN | {"WATCHER_IMAP_PASSWORD": "hunter2"})

    assert f"mail.{key}: the password would be said to" in said
    assert "in clear text" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "mail.localhost"])
def test_this_machines_own_servers_need_no_encryption(
    tmp_path: Path, host: str
) -> None:
    text = SMTP.replace("mail.example.org", f"{host}:25?starttls=never")
    text = text.replace("[[sub", f'replies = "imap://it@{host}?starttls=never"\n[[sub')

    mail = loaded(tmp_path, text, LOGIN | {"WATCHER_IMAP_PASSWORD": "hunter2"}).mail

    assert mail.replies is not None
    assert mail.replies.tls == "never"


def test_a_relay_that_wants_no_login_may_be_told_in_clear_text(tmp_path: Path) -> None:
    url = "smtp://relay.example.org:25?starttls=never"

    assert (
        loaded(tmp_path, SMTP.replace("smtp://mail.example.org", url), {}).mail.smtp
        == url
    )


def test_a_mail_server_may_need_no_login(tmp_path: Path) -> None:
    mail = loaded(
        tmp_path, SMTP, {"WATCHER_SMTP_USER": "", "WATCHER_SMTP_PASSWORD": ""}
    ).mail

    assert (mail.user, mail.password) == (None, None)


def test_a_secret_never_shows_in_an_error(tmp_path: Path) -> None:
    said = complaint(
        tmp_path, '[watch]\nstate = "${STATE}"\n', {"STATE": "hunter2-hunter2"}
    )

    assert "hunter2" not in said
    assert 'the state cannot live in "${STATE}"' in said


def test_postgresql_is_reached_by_psycopg(tmp_path: Path) -> None:
    text = '[watch]\nstate = "postgresql://watcher:${PW}@db.example.org/advisories"'

    assert (
        loaded(tmp_path, text, {"PW": "p%40ss"}).state
        == "postgresql+psycopg://watcher:p%40ss@db.example.org/advisories"
    )


# --- who is told how the watcher is, and the ways out ---------------------------------


GRAPH = SMTP.replace("smtp://mail.example.org", "graph://w@example.org").replace(
    "[[sub", 'tenant = "example.org"\nclient = "1"\n[[sub'
)
PEM = "-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----"


def test_a_channel_may_be_all_that_a_subscriber_has(tmp_path: Path) -> None:
    text = (
        '[[subscriber]]\nname = "chat"\nchannels = ["teams", "teams"]\n'
        '[[channel]]\nname = "teams"\nurl = "json://hook.example.org"'
    )
    (subscriber,) = loaded(tmp_path, text, {}).subscribers

    assert (subscriber.to, subscriber.channels) == ((), ("teams",))


def test_the_operator_is_told_after_three_failures_and_of_quiet_weeks_when_that_is_wished(
    tmp_path: Path,
) -> None:
    settings = loaded(
        tmp_path,
        '[operator]\nto = ["it@example.org"]\nquiet = true\nlanguage = "de"',
        {},
    )

    assert settings.operator is not None
    assert (settings.operator.failures, settings.operator.quiet) == (3, True)
    assert (settings.operator.reader.to, settings.operator.reader.language) == (
        ("it@example.org",),
        "de",
    )
    assert loaded(tmp_path, "", {}).operator is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ("${BEAT}", "${BEAT}/start", "${BEAT}/fail")),
        (
            'start = ""\nfailure = "https://beat.example.org/down"',
            ("${BEAT}", "", "https://beat.example.org/down"),
        ),
    ],
)
def test_a_heartbeats_addresses_are_beside_its_url_unless_named(
    tmp_path: Path, more: str, expected: tuple[str, str, str]
) -> None:
    settings = loaded(
        tmp_path,
        f'[heartbeat]\nurl = "${{BEAT}}"\n{more}',
        {"BEAT": "https://beat.example.org/4711-secret"},
    )

    assert settings.heartbeat is not None
    assert (
        settings.heartbeat.url,
        settings.heartbeat.start,
        settings.heartbeat.failure,
    ) == expected
    assert settings.masked("https://beat.example.org/4711-secret") == "${BEAT}"


def test_a_heartbeat_with_a_query_has_only_the_addresses_that_are_named(
    tmp_path: Path,
) -> None:
    settings = loaded(
        tmp_path, '[heartbeat]\nurl = "https://beat.example.org/push/1?status=up"', {}
    )

    assert settings.heartbeat is not None
    assert (settings.heartbeat.start, settings.heartbeat.failure) == ("", "")


@pytest.mark.parametrize(
    "environ",
    [{"WATCHER_CLIENT_SECRET": "it is secret"}, {"WATCHER_CLIENT_CERTIFICATE": PEM}],
)
def test_graph_logs_in_by_a_secret_or_a_certificate(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    settings = loaded(tmp_path, GRAPH, environ)
    mail = settings.mail

    assert mail.oauth is not None
    assert (mail.smtp, mail.oauth.tenant, mail.oauth.client) == (
        "graph://w@example.org",
        "example.org",
        "1",
    )
    assert [
        known.reveal() for known in (mail.oauth.secret, mail.oauth.certificate) if known
    ] == list(environ.values())
    assert (
        settings.masked(f"x {next(iter(environ.values()))} y")
        == f"x ${{{next(iter(environ))}}} y"
    )


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"WATCHER_CLIENT_SECRET": "one", "WATCHER_CLIENT_CERTIFICATE": PEM},
            "and both WATCHER_CLIENT_SECRET and",
        ),
        (
            {"WATCHER_CLIENT_CERTIFICATE": "-----BEGIN CERTIFICATE-----"},
            "holds no certificate with its private key",
        ),
    ],
)
def test_a_login_at_microsoft_365_that_cannot_work_is_refused(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    assert said in complaint(tmp_path, GRAPH, environ)


def test_smtp_by_oauth_needs_the_mailbox_and_no_password(tmp_path: Path) -> None:
    smtp = GRAPH.replace(
        "graph://w@example.org", "smtp://w%40example.org@smtp.office365.com"
    )
    mail = loaded(tmp_path, smtp, {"WATCHER_CLIENT_SECRET": "it is secret"}).mail

    assert mail.user is not None
    assert (mail.user.reveal(), mail.password) == ("w@example.org", None)
    assert "needs the mailbox that sends" in complaint(
        tmp_path, smtp.replace("w%40example.org@", ""), {"WATCHER_CLIENT_SECRET": "x"}
    )
