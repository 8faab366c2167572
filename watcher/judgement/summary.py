"""The one sentence that an event says to an administrator.

Each is English text for the ledger, and the key by which a mail says the same in its
reader's language (``[summary]`` in ``templates/mail/words``).  The English of both
stands in ``summary.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence, Sized
from functools import cache
from importlib import resources
from textwrap import shorten

from watcher.judgement.advice import OTHER_PRODUCT
from watcher.judgement.change_reading import (
    ISSUE_PASSAGES,
    ChangeReading,
)
from watcher.judgement.event import Summary, update_reference
from watcher.judgement.names import with_version
from watcher.judgement.packages import current_packages, products_of, without
from watcher.records import Kind, Package, Update

# Characters of a quote in a sentence
QUOTE = 160
# Products and KB articles in a sentence
MOST_NAMES = 4
# CVEs that are exploited already
MOST_CVES = 3
# Sentences of a pull of some packages, while others are offered
PULLED_IN_PART = ("pulled-in-part", "pulled-part-of", "pulled-silently-in-part")


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Give the tables ``summary`` and ``ledger``, read from the package once.

    By key, with places in braces: every sentence of an event stands there once.
    """
    file = resources.files(__package__).joinpath("summary.toml")
    return tomllib.loads(file.read_text("utf-8"))


def first_summary(update: Update, kind: Kind) -> Summary:
    """Give what is said of an update at first sight.

    ``kind`` is what it is first seen as: a release, or what has become of it by then.
    Of what is listed with a date of long ago it says that it is listed.
    """
    if kind is Kind.PULLED:
        return pulled_summary(update)
    if kind is Kind.RE_RELEASED:
        return re_released_summary(update)
    if kind is Kind.EXPLOITED:
        return exploited_summary(update, update.cves, exploited=True)
    if kind is Kind.KNOWN_ISSUE:
        return Summary(_ledger_text(update, "issue-listed"), "issue-listed")
    if kind in (Kind.RELEASED, Kind.ANNOUNCED):
        are = _are(update.advisories)
        text = _text_with_products(update, kind.value, are=are)
        return Summary(text + _attacked(update), kind.value)
    # What is listed with a date of long ago is a revision, and no release
    products = _products_beside_title(update)
    key = "listed-for" if products else "listed"
    return Summary(_ledger_text(update, key, products=products), "listed")


def pulled_summary(update: Update, part: Sequence[Package] | None = None) -> Summary:
    """The vendor no longer offers it; with ``part``, these packages of it.

    Where other packages are offered still, it names them: who has one of those hears
    that nothing changes there.
    """
    if not part:
        return _of_update("pulled", update)
    products = product_list(products_of(part))
    others = without(current_packages(update), part)
    offered = product_list(_named(each) for each in others if not each.pulled)
    if not offered:
        # The rest of it: nothing else of it is offered any more
        return Summary(_ledger_text(update, "pulled", part), "pulled")
    # Who has one of the others hears that nothing changes there
    key = "pulled-part-of"
    text = _ledger_text(update, key, part, products=products, others=offered)
    return Summary(text, key, (("products", products), ("others", offered)))


def _named(package: Package) -> str:
    """A package as a sentence names it: "Exchange Server 2007 SP3 (KB2996150)"."""
    name = package.kb or package.build
    if not package.product or not name:
        return package.product or name
    return f"{package.product} ({name})"


def gone_summary(update: Update, part: Sequence[Package] = ()) -> Summary:
    """It is no longer offered, and stays so; why, the vendor has not said.

    With ``part`` these packages of it, and the others are.
    """
    if not part:
        return _of_update("pulled-silently", update)
    products = product_list(products_of(part))
    key = "pulled-silently-in-part"
    text = _ledger_text(update, key, part, products=products)
    return Summary(text, key)


def restored_summary(update: Update, part: Sequence[Package] = ()) -> Summary:
    """What was missing is back as it was; with ``part`` these packages of it.

    For a suspicion, or a pull that absence alone had shown.
    """
    return Summary(_ledger_text(update, "restored", part or None), "restored")


def other_update_summary(
    update: Update, packages: Iterable[Package], right: Update
) -> Summary:
    """Packages that were told as this update's are another's, ``right``.

    They are named by KB article, else by build.
    """
    names = product_list(package.kb or package.build for package in packages)
    places = (("packages", names), ("right", right.title))
    text = _ledger_text(update, "other-update", packages=names, right=right.title)
    return Summary(text, "other-update", places)


def other_product_summary(
    update: Update, packages: Sequence[Package], former: Iterable[str]
) -> Summary:
    """Packages are for other products than their rows said: no longer for ``former``.

    Case: the row of 15.2.1544.4 stood under CU13 before it stood under CU14.
    """
    listed = product_list(former)
    products = product_list(products_of(packages))
    text = _ledger_text(
        update, OTHER_PRODUCT, packages, products=products, former=listed
    )
    return Summary(text, OTHER_PRODUCT, (("former", listed),))


def denied_summary(update: Update) -> Summary:
    """The vendor says that a pull was none.

    Whoever read of the pull hears it.
    """
    return _of_update("denied", update)


def _of_update(key: str, update: Update) -> Summary:
    return Summary(_ledger_text(update, key), key)


def suspected_summary(
    update: Update,
    source: str,
    titles: Sequence[str],
    part: Sequence[Package] | None = None,
    *,
    row_gone: bool,
) -> Summary:
    """An absence that is no verdict yet.

    A table's row is gone, or a page says that its download is; with ``part``, those of
    these packages.
    """
    key = "suspected-row" if row_gone else "suspected-page"
    listed = product_list(titles)
    several = "s" if len(set(titles)) > 1 else ""
    text = _ledger_text(update, key + several, part, source=source, titles=listed)
    return Summary(text, key, (("source", source), ("titles", listed)))


def re_released_summary(
    update: Update, part: Sequence[Package] | None = None
) -> Summary:
    """It is offered again, or a new version is; with ``part``, these packages of it.

    With the version that it has by now, and its articles.
    """
    title = with_version(update.title, update.version)
    articles = title_with_articles(update, part).removeprefix(title)
    text = _text_with_products(
        update, "re-released", part, version=update.version, articles=articles
    )
    return Summary(text, "re-released")


def further_summary(update: Update, products: Iterable[str]) -> Summary:
    """A package for further products of a known update."""
    text = _ledger_text(update, "further", products=product_list(products))
    return Summary(text, "further")


def exploited_summary(
    update: Update, cves: Iterable[str], *, exploited: bool
) -> Summary:
    """Exploited or disclosed, from no to yes.

    ``exploited`` tells attacks from what is publicly known only; whether an update
    fixes it is said, too.
    """
    unique = sorted(set(cves))
    listed = ", ".join(unique)
    key = "exploited" if exploited else "disclosed"
    # Only an update fixes it; an advisory without one waits
    if not update.is_advisory:
        key = f"{key}-fixed"
    them = "it" if len(unique) == 1 else "them"
    text = _ledger_text(update, key, cves=listed, are=_are(unique), them=them)
    return Summary(text, key, (("cves", listed),))


def known_issue_summary(update: Update, readings: Sequence[ChangeReading]) -> Summary:
    """A known issue is new, or its workaround is.

    With the beginning of the vendor's words, at most ``QUOTE`` letters; of a known
    issue that has got a workaround it says that.
    """
    texts = []
    key = "issue-guidance"
    for reading in readings:
        # A row that appears with its workaround is a new issue
        if reading.is_first or not reading.new_text("workaround"):
            key = "issue"
        texts += reading.new_texts(*ISSUE_PASSAGES)
    first_text = next(filter(None, texts), "")
    quote = shorten(first_text, QUOTE, placeholder="…").rstrip(" .")
    if not quote:
        key = f"{key}-bare"
    elif not quote.endswith("…"):
        quote = f"{quote}."
    return Summary(_ledger_text(update, key, quote=quote), key, (("quote", quote),))


def revised_summary(update: Update, readings: Sequence[ChangeReading]) -> Summary:
    """Anything else.

    A record that is new names one more vulnerability that the update fixes; anything
    else is said to have changed.
    """
    cves: set[str] = set()
    for reading in readings:
        # Only a record that is new is one more vulnerability that the update fixes
        if reading.is_first:
            cves.update(reading.entry.cves)
    if not cves:
        return _of_update("changed", update)
    unique = sorted(cves)
    more = " and more" if len(unique) > MOST_NAMES else ""
    in_sentence = ", ".join(unique[:MOST_NAMES]) + more
    text = _ledger_text(update, "also-fixes", cves=in_sentence)
    return Summary(text, "also-fixes", (("cves", ", ".join(unique)),))


def _ledger_text(
    update: Update,
    key: str,
    part: Sequence[Package] | None = None,
    **filled: object,
) -> str:
    """Say the sentence of ``key`` of an update, or of some packages of it.

    In the ledger's own words where it has any.
    """
    tables = sentences()
    text = tables["ledger"].get(key) or tables["summary"][key]
    return text.format(
        update=title_with_articles(update, part),
        title=update.title,
        vendor="the vendor",
        **filled,
    )


def _attacked(update: Update) -> str:
    """Which of its vulnerabilities is attacked already, else which is publicly known."""
    key = "exploited-already"
    cves = [advisory.id for advisory in update.advisories if advisory.exploited]
    if not cves:
        key = "disclosed-already"
        cves = [advisory.id for advisory in update.advisories if advisory.disclosed]
    if not cves:
        return ""
    listed = ", ".join(cves[:MOST_CVES]) + _more(len(cves) - MOST_CVES)
    return f" {_ledger_text(update, key, cves=listed, are=_are(cves))}"


def _are(named: Sized) -> str:
    return "is" if len(named) == 1 else "are"


def _more(rest: int) -> str:
    return f" and {rest} more" if rest > 0 else ""


def _text_with_products(
    update: Update,
    key: str,
    part: Sequence[Package] | None = None,
    **filled: object,
) -> str:
    """Say the sentence of ``key``, alone where its title says for which products it is."""
    products = _products_beside_title(update, part)
    alone = "" if products else "-alone"
    return _ledger_text(update, f"{key}{alone}", part, products=products, **filled)


def _products_beside_title(
    update: Update, part: Sequence[Package] | None = None
) -> str:
    """The products for which an update is, "" where its title says that already."""
    products = update_reference(update, part).products
    # A cumulative update is the product that it makes: naming both would say it twice
    return product_list(products) if products != (update.title,) else ""


def title_with_articles(
    update: Update, packages: Sequence[Package] | None = None
) -> str:
    """Give title, version and KB articles.

    "Exchange Server November 2024 SU v2 (KB5049233)".
    """
    title = update.title.lower()
    articles = update_reference(update, packages).kbs
    further = [kb for kb in articles if kb.lower() not in title]
    named = with_version(update.title, update.version)
    if not further:
        return named
    more = ", …" if len(further) > MOST_NAMES else ""
    return f"{named} ({', '.join(further[:MOST_NAMES])}{more})"


def product_list(names: Iterable[str]) -> str:
    """Give products in a sentence.

    Sorted, each once, ``MOST_NAMES`` of them and how many more.
    """
    unique = sorted(set(names))
    return ", ".join(unique[:MOST_NAMES]) + _more(len(unique) - MOST_NAMES)
