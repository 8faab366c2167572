"""From the package index to the first mail with one command.

An index on loopback, a folder served over HTTP, stands in for the public one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from watcher import __version__

ROOT = Path(__file__).parents[2]
MAILS = (
    "0001-welcome.eml",
    "0002-released-exchange-server-2024-11-su.eml",
    "0004-pulled-exchange-server-2024-11-su.eml",
    "0006-re-released-exchange-server-2024-11-su.eml",
)

pytestmark = pytest.mark.posix


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an index that offers the wheel built here, and give its address."""
    root = tmp_path_factory.mktemp("index")
    folder = root / "simple" / "advisory-watcher"
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    built = subprocess.run(
        [*words, "--directory", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(root))
    ) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def environ(**more: str) -> dict[str, str]:
    """Give what a new user's shell has, and nothing of this one's."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | more


def shell(command: str, folder: Path, env: dict[str, str]) -> str:
    """Run one command line as a user types it."""
    ended = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_pip_in_a_fresh_environment_installs_the_wheel_and_the_demo_reaches_its_mails(
    index: str, tmp_path: Path
) -> None:
    """The libraries, which only the public index could give, are those of this environment."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if "advisory_watcher" not in each.name and each.suffix != ".pth":
            (libraries / each.name).symlink_to(each)
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=False)
    (site,) = fresh.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(str(libraries))
    env = environ(PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1")
    pip = f"{sys.executable} -m pip --python {fresh}/bin/python"
    shell(f"{pip} install --index-url {index} advisory-watcher", tmp_path, env)

    said = shell(f"{fresh}/bin/advisory-watcher demo", tmp_path, env)

    assert "[PULLED] Exchange Server November 2024 SU (KB5044062)" in said
    folder = tmp_path / "advisory-watcher-demo" / "mail"
    assert {path.name for path in folder.iterdir()} >= set(MAILS)
    assert __version__ in shell(
        f"{fresh}/bin/python -m watcher --version", tmp_path, env
    )


@pytest.fixture
def account() -> Iterator[tuple[str, Path]]:
    """Make a user account that owns nothing yet; it goes again."""
    if os.geteuid() != 0 or not shutil.which("useradd") or not shutil.which("runuser"):
        pytest.skip("only root makes accounts, by useradd, and lends them by runuser")
    name = f"watcher{os.getpid()}"
    subprocess.run(["useradd", "--create-home", name], check=True)
    yield name, Path(f"~{name}").expanduser()
    subprocess.run(["userdel", "--remove", name], check=True, capture_output=True)


TOOLS = {
    "pip": "python3 -m venv w && w/bin/pip install -q --extra-index-url {index} "
    "advisory-watcher && w/bin/advisory-watcher demo",
    "pipx": "pipx run --pip-args='--extra-index-url {index}' advisory-watcher demo",
    "uvx": "uvx --index {index} advisory-watcher demo",
}


@pytest.mark.soak
@pytest.mark.parametrize("tool", TOOLS)
def test_a_fresh_account_reaches_its_first_mail_with_one_command(
    index: str, account: tuple[str, Path], tool: str
) -> None:
    """The libraries come from the index that this machine's pip is set to."""
    if tool != "pip" and not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    name, home = account
    command = TOOLS[tool].format(index=index)
    kept = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    if "PIP_CERT" in kept:
        kept["SSL_CERT_FILE"] = kept["PIP_CERT"]  # uv's name for it
    env = environ(HOME=str(home), **kept)

    said = shell(f'runuser -u {name} -- sh -c "{command}"', home, env)

    assert "[PULLED] Exchange Server November 2024 SU (KB5044062)" in said
    folder = home / "advisory-watcher-demo" / "mail"
    assert {path.name for path in folder.iterdir()} >= set(MAILS)
