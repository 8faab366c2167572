"""The products that ``watcher init`` offers by number: the one list of them."""

from __future__ import annotations

from msgspec import Struct


class ProductSet(Struct, frozen=True):
    """What is offered under one name, and the patterns that it writes into ``products``."""

    name: str
    patterns: tuple[str, ...]


SETS = (
    ProductSet("Exchange Server", ("Exchange Server*",)),
    ProductSet("Windows Server", ("Windows Server*",)),
    ProductSet("SQL Server", ("SQL Server*",)),
    ProductSet("SharePoint Server", ("SharePoint*",)),
    ProductSet("everything", ("*",)),
    ProductSet("Windows 11 and 10", ("Windows 11*", "Windows 10*")),
    ProductSet("Microsoft 365 Apps and Office", ("Microsoft 365 Apps*", "Office*")),
    ProductSet(".NET", (".NET*",)),
    ProductSet("Microsoft Edge", ("Edge*",)),
)
