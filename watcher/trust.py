"""Whose certificates are trusted: one answer for pages, mail, tokens and channels.

The system's store, and what `ca_bundle` in [watch], REQUESTS_CA_BUNDLE or
CURL_CA_BUNDLE name is added to it: an authority of one's own, or of a proxy that opens
TLS, beside those that the public web needs.
"""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

# Tried in this order, as requests does
_NAMED_BY = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def context(ca_bundle: Path | str | None) -> ssl.SSLContext:
    """Give a client's TLS context; equal bundles share one, for reading it takes long.

    Raises OSError when a bundle that is named cannot be read.
    """
    bundles = [str(ca_bundle)] if ca_bundle else []
    named = next(filter(None, map(os.environ.get, _NAMED_BY)), "")
    if named:
        bundles.append(named)
    return _context(tuple(bundles))


def forget() -> None:
    """Read everything anew: the system's store has changed."""
    _context.cache_clear()


@functools.cache
def _context(bundles: tuple[str, ...]) -> ssl.SSLContext:
    made = ssl.create_default_context()
    # Python 3.13 asks of authorities what many a company's own does not hold
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not _has_system_store(made):
        from requests.utils import DEFAULT_CA_BUNDLE_PATH

        made.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    for bundle in bundles:
        # Unlike Path.is_dir it never raises
        is_folder = os.path.isdir(bundle)  # noqa: PTH112
        try:
            made.load_verify_locations(
                None if is_folder else bundle, bundle if is_folder else None
            )
        except ssl.SSLError as error:
            raise OSError(f"the CA certificate bundle {bundle} is not PEM") from error
        except OSError as error:
            raise OSError(
                f"the CA certificate bundle {bundle} cannot be read ({error.strerror})"
            ) from error
    return made


def _has_system_store(made: ssl.SSLContext) -> bool:
    """Say whether there is a store: a small container, and Python on macOS, has none."""
    if made.cert_store_stats()["x509_ca"]:
        return True
    # A folder's certificates are read when they are needed
    folder = ssl.get_default_verify_paths().capath
    try:
        return bool(folder and os.listdir(folder))  # noqa: PTH208
    except OSError:
        return False
