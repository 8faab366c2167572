"""What comes from the environment: secrets, by their own variable or by a file that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from watcher.config.mistakes import BadValueError, MissingSecretError
from watcher.settings import Secret, filled, in_login

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_NOT_IN_ADDRESSES = re.compile(r"[\s\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secret(name: str, environ: Mapping[str, str]) -> Secret | None:
    """Give the secret of the variable ``name``, or of the file that ``name_FILE`` names.

    None when neither is set.  An empty variable counts as not set: that is what a
    workflow gives for a secret that does not exist.

    Raises:
        BadValueError: both are set, or the file cannot be read or is empty.
    """
    # Containers and systemd hand secrets over as files
    value, file = environ.get(name, ""), environ.get(f"{name}_FILE", "")
    if value and file:
        raise BadValueError(f"{name} and {name}_FILE are both set", "Set one of them.")
    if file:
        try:
            # Windows' editors begin a file with a byte order mark, and all end it with a
            # line: neither is of the secret
            value = Path(file).read_text(encoding="utf-8-sig").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason, remedy = "it is not UTF-8", "Save it as UTF-8."
            if isinstance(error, OSError):
                reason, remedy = (
                    error.strerror or str(error),
                    "Correct the path or the file's rights.",
                )
            raise BadValueError(
                f"the file that {name}_FILE names cannot be read: {file} ({reason})",
                remedy,
            ) from None
        if not value:
            raise BadValueError(
                f"the file that {name}_FILE names is empty: {file}",
                f"Write the secret into it, or unset {name}_FILE.",
            )
    return Secret(name, value) if value else None


def expanded(text: str, environ: Mapping[str, str], secrets: list[Secret]) -> str:
    """Put the environment's values in place of each ``${NAME}`` of ``text``, and note
    them in ``secrets``.

    Raises:
        MissingSecretError: a variable is not set.
        BadValueError: ``text`` names none as it should, or its value fits no address.
    """
    # Sent as it is, a forgotten } would show a secret's name to the other side
    if "${" in _PLACEHOLDER.sub("", text):
        raise BadValueError(f'"{text}" has a ${{ without its }}', "Write ${NAME}.")

    def value(name: str) -> str:
        if not _VARIABLE.fullmatch(name):
            raise BadValueError(
                f'"${{{name}}}" names no environment variable',
                "Write ${NAME}: letters, digits and underscores.",
            )
        found = secret(name, environ)
        if found is None:
            raise MissingSecretError(
                f"the environment variable {name} is not set",
                f"Set {name}, or {name}_FILE to a file that holds it.",
            )
        secrets.append(found)
        # Quoted in a name's or password's place; elsewhere the address would be blamed
        if _NOT_IN_ADDRESSES.search(found.value) and not in_login(text, name):
            raise BadValueError(
                f"the environment variable {name} holds a space or a control sign",
                "Write it as it stands in an address: a space is %20.",
            )
        return found.value

    return filled(text, value)


def proxy_secrets(environ: Mapping[str, str]) -> list[Secret]:
    """Give the passwords of the environment's proxies, so that none of them is shown."""
    found = []
    for variable, text in environ.items():
        name = variable.lower()
        if not name.endswith("_proxy") or name == "no_proxy":
            continue
        # Its scheme may be left out: "user:secret@proxy.example.org:8080"
        login, at, _ = text.split("://", 1)[-1].rpartition("@")
        if at:
            password = login.partition(":")[2] or login
            forms = {password, unquote(password)}
            found += [Secret(f"password of {variable}", form) for form in forms]
    return found


def without_password(text: str) -> str:
    """Give ``text`` back.

    Raises:
        BadValueError: it is a URL with a password written in it.
    """
    try:
        password = urlsplit(text).password
    except ValueError:
        # What else is wrong with it, is said by the check of its kind
        password = None
    if password and "${" not in password:
        raise BadValueError(
            "the address holds a password",
            "Write ${NAME} in its place, and set NAME in the environment.",
        )
    return text
