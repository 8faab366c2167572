"""``watcher init``: questions on a terminal, options in scripts, and what comes of both."""

from __future__ import annotations

import os
import ssl
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import trustme
from lxml import etree

from tests.dialog import Dialog
from tests.mailing import PASSWORD, USER, MailServer, Postbox, free_port
from tests.services import CLIENT, SECRET, TENANT, Microsoft

ROOT = Path(__file__).parents[2]
WATCHER = (sys.executable, "-m", "watcher")

# Stands in for the system's: it keeps one file, as the real one does
CRONTAB = """
if [ "$1" != -l ]; then cat >"$CRONTAB"; exit; fi
cat "$CRONTAB" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; }
"""

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals and no cron"
)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def environ(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """What the program is started with: it trusts the servers of these tests."""
    pem = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    dropped = ("WATCHER_", "COV_", "COVERAGE")
    kept = {key: os.environ[key] for key in os.environ if not key.startswith(dropped)}
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in (("crontab", CRONTAB), ("systemctl", "exit 1\n")):
        (programs / name).write_text(f"#!/bin/sh\n{script}")
        (programs / name).chmod(0o755)
    return kept | {
        "CRONTAB": str(tmp_path / "crontab"),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SSL_CERT_FILE": str(pem),
        "REQUESTS_CA_BUNDLE": str(pem),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "new"
    made.mkdir()
    return made


@pytest.fixture
def mail(tls: ssl.SSLContext) -> Iterator[MailServer]:
    """A mail server that wants a login, over TLS."""
    server = MailServer(Postbox(), tls=tls, auth=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_mail() -> Iterator[MailServer]:
    """A mail server in the same house: no TLS, no login."""
    server = MailServer(Postbox())
    server.start()
    yield server
    server.stop()


def host(server: MailServer) -> str:
    return server.url.partition("://")[2]


def call(folder: Path, environ: dict[str, str], *words: str) -> tuple[int, str]:
    """Call ``watcher init`` without a terminal."""
    ended = subprocess.run(
        [*WATCHER, "init", *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    return ended.returncode, ended.stdout + ended.stderr


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "watcher.toml").read_text(encoding="utf-8"))


# --- on a terminal --------------------------------------------------------------------


@posix
def test_a_few_answers_reach_the_first_mail(
    folder: Path, environ: dict[str, str], mail: MailServer, crontab: Path
) -> None:
    with Dialog([*WATCHER, "init"], folder, environ) as asked:
        asked.answer("Products [1]", "")
        asked.answer("Number [1]", "1")
        asked.answer("Mail server", host(mail))
        asked.answer("User that logs in", USER)
        asked.answer("Password: ", PASSWORD)
        asked.expect("It works: 127.0.0.1")
        asked.answer(
            "Sender [Advisory Watcher <watcher@example.org>]",
            "Watcher <watcher@example.org>",
        )
        asked.answer("Who is told?", "exchange-admins@example.org, it@example.org")
        asked.expect("What starts a check every half hour?")
        asked.answer("Number [1]", "")
        code = asked.end()

    assert code == 0, asked.shown
    assert PASSWORD not in asked.shown
    assert written(folder) == {
        "watch": {"products": ["Exchange Server*"]},
        "mail": {
            "from": "Watcher <watcher@example.org>",
            "smtp": f"smtp://{USER}@{host(mail)}",
        },
        "subscriber": [
            {
                "name": "exchange-admins",
                "to": ["exchange-admins@example.org", "it@example.org"],
            }
        ],
    }
    kept = folder / "smtp-password"
    assert kept.read_text(encoding="utf-8") == f"{PASSWORD}\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert PASSWORD not in (folder / "watcher.toml").read_text(encoding="utf-8")
    assert [each.recipients for each in mail.postbox.messages] == [
        ["exchange-admins@example.org"],
        ["it@example.org"],
    ]
    assert f"WATCHER_SMTP_PASSWORD_FILE={kept}" in crontab.read_text(encoding="utf-8")


@posix
def test_each_answer_is_tried_out_at_once_and_asked_again_when_it_does_not_do(
    folder: Path, environ: dict[str, str], mail: MailServer
) -> None:
    with Dialog([*WATCHER, "init"], folder, environ) as asked:
        asked.answer("Products", "")
        asked.answer("Number", "1")
        asked.answer("Mail server", "no-such-host.invalid")
        asked.expect("there is no host no-such-host.invalid")
        asked.answer("k keeps it", "")
        asked.answer("Mail server", f"127.0.0.1:{free_port()}")
        asked.answer("User that logs in", "")
        asked.expect("That did not work: 127.0.0.1")
        asked.answer("k keeps it", "")
        asked.answer("Mail server", host(mail))
        asked.answer("User that logs in", USER)
        asked.answer("Password: ", "a wrong password")
        asked.expect("That did not work")
        asked.answer("k keeps it", "")
        asked.answer("Mail server", host(mail))
        asked.answer("User that logs in", USER)
        asked.answer("Password: ", PASSWORD)
        asked.expect("It works")
        asked.answer("Sender", "watcher")
        asked.expect("That does not do")
        asked.answer("Sender", "watcher@example.org")
        asked.answer("Who is told?", "nobody at all")
        asked.expect("That does not do")
        asked.answer("Who is told?", "it@example.org")
        asked.expect("What starts a check every half hour?")
        asked.answer("Number [1]", "2")
        assert asked.end() == 0, asked.shown
    assert written(folder)["subscriber"] == [{"name": "it", "to": ["it@example.org"]}]


@posix
def test_a_question_can_be_gone_back_to_and_an_end_writes_nothing(
    folder: Path, environ: dict[str, str]
) -> None:
    with Dialog([*WATCHER, "init"], folder, environ) as asked:
        asked.answer("Products", "SQL Server 2022*, 1")
        asked.answer("Number", "<")
        asked.answer("Products [SQL Server 2022*, Exchange Server*]", "*")
        asked.answer("Number", "3")
        asked.answer("Who is told?", "<")
        asked.answer("Number", "3")
        asked.answer("Who is told?", "\x04")
        assert asked.end() != 0
    assert list(folder.iterdir()) == []


@posix
def test_what_does_not_work_yet_may_be_kept(
    folder: Path, environ: dict[str, str]
) -> None:
    with Dialog([*WATCHER, "init"], folder, environ) as asked:
        asked.answer("Products", "")
        asked.answer("Number", "1")
        asked.answer("Mail server", f"127.0.0.1:{free_port()}")
        asked.answer("User that logs in", "")
        asked.answer("k keeps it", "k")
        asked.answer("Sender", "watcher@example.org")
        asked.answer("Who is told?", "it@example.org")
        asked.expect("A test message for it@example.org: deferred")
        asked.expect("What starts a check every half hour?")
        asked.answer("Number [1]", "2")
        assert asked.end() == 1, asked.shown
    assert "smtp" in written(folder)["mail"]


@posix
def test_microsoft_365_is_signed_in_to_before_anything_is_written(
    folder: Path, environ: dict[str, str], tls: ssl.SSLContext
) -> None:
    with Microsoft(tls) as microsoft:
        words = ["--authority", microsoft.origin, "--graph", microsoft.origin]
        with Dialog([*WATCHER, "init", *words], folder, environ) as asked:
            asked.answer("Products", "")
            asked.answer("Number", "2")
            asked.expect("watcher init --script microsoft365")
            for secret in ("wrong", SECRET):
                asked.answer("Mailbox", "watcher@example.org")
                asked.answer("Tenant", TENANT)
                asked.answer("Client id", CLIENT)
                asked.answer("Client secret: ", secret)
                if secret == "wrong":
                    asked.expect("AADSTS7000215")
                    asked.answer("k keeps it", "")
            asked.expect("It works")
            asked.answer("Sender [Advisory Watcher <watcher@example.org>]", "")
            asked.answer("Who is told?", "it@example.org")
            asked.expect("A test message for it@example.org: accepted")
            asked.expect("What starts a check every half hour?")
            asked.answer("Number [1]", "2")
            assert asked.end() == 0, asked.shown
        assert "/v1.0/users/watcher@example.org/sendMail" in {
            posted.path for posted in microsoft.posted
        }
    assert (folder / "client-secret").read_text(encoding="utf-8") == f"{SECRET}\n"
    assert SECRET not in asked.shown + (folder / "watcher.toml").read_text()


# --- in scripts -----------------------------------------------------------------------


def test_options_are_answers_where_nobody_is_asked(
    folder: Path, environ: dict[str, str], open_mail: MailServer
) -> None:
    code, said = call(
        folder,
        environ,
        *("--no-input", "--product", "Exchange Server*", "--product", "SQL Server*"),
        *("--smtp", host(open_mail), "--from", "watcher@example.org"),
        *("--to", "it@example.org"),
    )
    assert code == 0, said
    assert written(folder)["watch"]["products"] == ["Exchange Server*", "SQL Server*"]
    assert written(folder)["mail"]["smtp"] == open_mail.url
    assert [each.recipients for each in open_mail.postbox.messages] == [
        ["it@example.org"]
    ]


def test_a_password_comes_from_the_environment_and_is_written_nowhere(
    folder: Path, environ: dict[str, str], mail: MailServer
) -> None:
    environ |= {"WATCHER_SMTP_PASSWORD": PASSWORD}
    code, said = call(
        folder,
        environ,
        *("--no-input", "--smtp", f"smtp://{USER}@{host(mail)}"),
        *("--from", "watcher@example.org", "--to", "it@example.org"),
    )
    assert code == 0, said
    assert len(mail.postbox.messages) == 1
    assert [path.name for path in folder.iterdir()] == ["watcher.toml"]
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "nobody at all"), "subscriber"),
        (("--no-check", "--smtp", "mail.example.org"), "nobody to write to"),
        (("--smtp", "127.0.0.1:1", "--to", "it@example.org"), "127.0.0.1"),
        (("--smtp", "graph://w@example.org", "--to", "it@example.org"), "tenant"),
    ],
)
def test_what_does_not_do_ends_with_2_and_writes_nothing(
    folder: Path, environ: dict[str, str], words: tuple[str, ...], said: str
) -> None:
    code, answer = call(
        folder, environ, "--no-input", "--from", "watcher@example.org", *words
    )
    assert code == 2, answer
    assert said in answer
    assert list(folder.iterdir()) == []


def test_without_trying_it_out_the_file_is_written_all_the_same(
    folder: Path, environ: dict[str, str]
) -> None:
    code, said = call(
        folder,
        environ,
        *("--no-check", "--smtp", "mail.example.org", "--to", "it@example.org"),
    )
    assert code == 0, said
    assert written(folder)["mail"] == {
        "smtp": "smtp://mail.example.org:587",
        "from": "Advisory Watcher <watcher@example.org>",
    }
    checked = subprocess.run([*WATCHER, "check"], cwd=folder, env=environ, check=False)
    assert checked.returncode == 0, "what is written can be read"


def test_the_commented_file_is_written_where_nothing_was_answered(
    folder: Path, environ: dict[str, str]
) -> None:
    sample = files("watcher.config").joinpath("sample.toml").read_text("utf-8")
    for number, words in enumerate(((), ("--plain",), ("--no-input",))):
        name = f"{number}.toml"
        code, said = call(folder, environ, *words, "--config", name)
        assert code == 0, said
        assert (folder / name).read_text(encoding="utf-8") == sample


def test_an_existing_file_is_left_alone_before_anything_is_asked(
    folder: Path, environ: dict[str, str], open_mail: MailServer
) -> None:
    (folder / "watcher.toml").write_text("# mine\n")
    words = (
        "--smtp",
        host(open_mail),
        "--from",
        "w@example.org",
        "--to",
        "i@example.org",
    )
    code, said = call(folder, environ, *words)
    assert code == 2
    assert "it exists already" in said
    assert (folder / "watcher.toml").read_text() == "# mine\n"
    assert open_mail.postbox.messages == []


def test_the_script_for_microsoft_365_gives_no_right_to_more_than_one_mailbox(
    folder: Path, environ: dict[str, str]
) -> None:
    code, script = call(folder, environ, "--script", "microsoft365")
    assert code == 0
    assert "-Role 'Application Mail.Send' -CustomResourceScope" in script
    assert "ExternalDirectoryObjectId -eq" in script
    # Graph's own permission holds for every mailbox, whatever Exchange scopes
    code_lines = "\n".join(line.partition("#")[0] for line in script.splitlines())
    assert "AppRoleAssignment" not in code_lines
    assert "RequiredResourceAccess" not in code_lines
    assert script.isascii()
    assert call(folder, environ, "--script", "other")[0] == 2


# --- the schedule ---------------------------------------------------------------------


@pytest.fixture
def crontab(environ: dict[str, str]) -> Path:
    return Path(environ["CRONTAB"])


QUIETLY = ("--no-check", "--smtp", "mail.example.org", "--from", "w@example.org")


@posix
def test_cron_starts_the_check_and_lets_go_of_it_again(
    folder: Path, environ: dict[str, str], crontab: Path
) -> None:
    crontab.write_text("0 3 * * *  backup\n")
    words = (*QUIETLY, "--to", "it@example.org", "--config", "100 %/watcher.toml")
    secret = folder / "the secret"
    secret.write_text("s3cret\n")
    environ["WATCHER_SMTP_PASSWORD_FILE"] = str(secret)

    code, said = call(folder, environ, *words, "--schedule", "cron")
    assert code == 0, said
    theirs, ours = crontab.read_text().splitlines()
    assert theirs == "0 3 * * *  backup"
    assert ours.startswith("7,37 * * * * ")
    assert r"100 \%/watcher.toml" in ours
    # What cron gives to a shell: the line without its times, % as the command's own
    command = ours.removeprefix("7,37 * * * * ").replace(r"\%", "%")
    command = command.replace(" run -q ", " check ")
    checked = subprocess.run(
        ["sh", "-c", command],
        cwd=folder.parent,
        env={key: environ[key] for key in ("PATH", "PYTHONPATH")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "it (at-once)" in checked.stdout

    again = call(folder, environ, "--remove-schedule", "--config", "100 %/watcher.toml")
    assert again[0] == 0, again[1]
    assert crontab.read_text() == "0 3 * * *  backup\n"
    nothing = call(
        folder, environ, "--remove-schedule", "--config", "100 %/watcher.toml"
    )
    assert "no schedule to take back" in nothing[1]


@posix
def test_a_secret_that_only_this_shell_knows_makes_no_schedule(
    folder: Path, environ: dict[str, str], crontab: Path
) -> None:
    environ["WATCHER_SMTP_PASSWORD"] = "s3cret"
    words = (*QUIETLY, "--to", "it@example.org", "--schedule", "cron")
    code, said = call(folder, environ, *words)
    assert code == 2
    assert "set WATCHER_SMTP_PASSWORD_FILE" in said
    assert not crontab.exists()


@posix
def test_systemd_takes_the_units_that_are_written(
    folder: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    command = tmp_path / "programs" / "systemctl"
    command.write_text(f'#!/bin/sh\necho "$@" >>"{asked}"\n')
    place = folder / "100 % sure.toml"
    words = (*QUIETLY, "--to", "it@example.org", "--config", str(place))

    code, said = call(folder, environ, *words, "--schedule", "systemd")
    assert code == 0, said
    units = tmp_path / "config" / "systemd" / "user"
    assert asked.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now advisory-watcher.timer",
    ]
    service = (units / "advisory-watcher.service").read_text(encoding="utf-8")
    assert f'"{str(place).replace("%", "%%")}"' in service
    if os.path.exists("/usr/bin/systemd-analyze"):  # noqa: PTH110
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, units.iterdir())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (verified.returncode, verified.stderr) == (0, "")

    code, said = call(folder, environ, "--remove-schedule", "--config", str(place))
    assert code == 0, said
    assert list(units.iterdir()) == []


@posix
def test_a_timer_of_another_configuration_is_left_alone(
    folder: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "programs" / "systemctl").write_text("#!/bin/sh\n")
    words = (*QUIETLY, "--to", "it@example.org", "--schedule", "systemd")
    first, second = str(folder / "first.toml"), str(folder / "second.toml")
    assert call(folder, environ, *words, "--config", first)[0] == 0
    service = tmp_path / "config" / "systemd" / "user" / "advisory-watcher.service"
    before = service.read_text(encoding="utf-8")

    code, said = call(folder, environ, *words, "--config", second)

    assert code == 2
    assert "Take that one back first" in said
    assert service.read_text(encoding="utf-8") == before
    code, said = call(folder, environ, "--remove-schedule", "--config", second)
    assert "no schedule to take back" in said
    assert service.exists()


@posix
def test_a_crontab_that_cannot_be_read_is_not_written_over(
    folder: Path, environ: dict[str, str], crontab: Path, tmp_path: Path
) -> None:
    crontab.write_text("0 3 * * *  backup\n")
    command = tmp_path / "programs" / "crontab"
    stand_in = command.read_text()
    refusing = 'if [ "$1" = -l ]; then echo "cannot open: I/O error" >&2; exit 1; fi\n'
    command.write_text(stand_in.replace("#!/bin/sh\n", f"#!/bin/sh\n{refusing}"))

    words = (*QUIETLY, "--to", "it@example.org", "--schedule", "cron")
    code, said = call(folder, environ, *words)

    assert code != 0
    assert "I/O error" in said
    assert crontab.read_text() == "0 3 * * *  backup\n"


# Stand in for Windows': the task is a file, and every call is noted
SCHTASKS = """
echo "schtasks $1 $2" >>"$WINDOWS/asked"
case $1 in
/Create) cp "$6" "$WINDOWS/task.xml" ;;
/Query) iconv -f UTF-16 -t UTF-8 "$WINDOWS/task.xml" ;;
/Delete) rm "$WINDOWS/task.xml" ;;
esac
"""
NOTED = 'echo "$(basename "$0") $*" >>"$WINDOWS/asked"\n'


@pytest.fixture
def windows(environ: dict[str, str], tmp_path: Path) -> Path:
    made = tmp_path / "windows"
    made.mkdir()
    environ["WINDOWS"] = str(made)
    for name, script in (("schtasks", SCHTASKS), ("setx", NOTED), ("reg", NOTED)):
        program = tmp_path / "programs" / name
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)
    return made


@posix
def test_a_task_of_windows_has_the_documented_form_and_goes_with_what_it_set(
    folder: Path, environ: dict[str, str], windows: Path
) -> None:
    """The form is that of MS-TSCH, 2.5: what it does not have, Windows refuses."""
    place = folder / 'Über & "quoted"' / "watcher.toml"
    secret = folder / "the secret"
    secret.write_text("s3cret\n")
    environ["WATCHER_SMTP_PASSWORD_FILE"] = str(secret)
    words = (*QUIETLY, "--to", "it@example.org", "--config", str(place))

    code, said = call(folder, environ, *words, "--schedule", "task")

    assert code == 0, said
    form = etree.XMLSchema(etree.parse(Path(__file__).parent / "data" / "task.xsd"))
    task = etree.parse(windows / "task.xml")
    form.assertValid(task)
    text = {
        each.tag.rpartition("}")[2]: each.text or "" for each in task.getroot().iter()
    }
    assert text["Interval"] == "PT30M"
    assert text["StartBoundary"].endswith(":07:00")
    assert text["WorkingDirectory"] == str(place.parent)
    assert text["Arguments"].startswith("-m watcher run -q --config ")
    assert "s3cret" not in (windows / "task.xml").read_text(encoding="utf-16")

    other = call(folder, environ, "--remove-schedule", "--config", "other.toml")
    assert "no schedule to take back" in other[1]
    code, said = call(folder, environ, "--remove-schedule", "--config", str(place))
    assert code == 0, said
    assert not (windows / "task.xml").exists()
    asked = (windows / "asked").read_text(encoding="utf-8").splitlines()
    assert f"setx WATCHER_SMTP_PASSWORD_FILE {secret}" in asked
    taken_back = r"reg delete HKCU\Environment /F /V WATCHER_SMTP_PASSWORD_FILE"
    assert asked[-1] == taken_back


@posix
def test_a_task_of_another_configuration_is_left_alone(
    folder: Path, environ: dict[str, str], windows: Path
) -> None:
    words = (*QUIETLY, "--to", "it@example.org", "--schedule", "task")
    assert call(folder, environ, *words, "--config", "first.toml")[0] == 0
    before = (windows / "task.xml").read_bytes()
    code, said = call(folder, environ, *words, "--config", "second.toml")
    assert code == 2
    assert "Take that one back first" in said
    assert (windows / "task.xml").read_bytes() == before
