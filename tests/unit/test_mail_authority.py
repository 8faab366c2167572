"""What a domain's DNS says of who may send its mail."""

from __future__ import annotations

import pytest

from watcher.doctor import mail


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), "mail.spf-none"),
        (("google-site-verification=x", "v=spf10 -all"), "mail.spf-none"),
        (("v=spf1 include:spf.example.org -all",), "mail.spf"),
        (("V=SPF1 mx ~all",), "mail.spf"),
        (("v=spf1 mx -all", "v=spf1 a -all"), "mail.spf-several"),
        (("v=spf1 -all",), "mail.spf-nobody"),
        (("v=spf1 mx +all",), "mail.spf-everybody"),
        (("v=spf1 all",), "mail.spf-everybody"),
    ],
)
def test_spf_must_name_somebody_and_not_everybody(
    texts: tuple[str, ...], expected: str
) -> None:
    finding = mail.spf("example.org", texts)
    assert finding.id == expected
    assert bool(finding.remedy) is (finding.severity != "well")


@pytest.mark.parametrize(
    ("selector", "texts", "expected"),
    [
        ("", (), "mail.dkim-unasked"),
        ("k1", (), "mail.dkim-none"),
        ("k1", ("v=DKIM2; p=MIGf",), "mail.dkim-none"),
        # V is optional (RFC 6376, section 3.6.1)
        ("k1", ("k=rsa; p=MIGf",), "mail.dkim"),
        ("k1", ("v=DKIM1; p=",), "mail.dkim-revoked"),
    ],
)
def test_dkim_is_looked_up_by_its_selector(
    selector: str, texts: tuple[str, ...], expected: str
) -> None:
    assert mail.dkim("example.org", selector, texts).id == expected


@pytest.mark.parametrize(
    ("texts", "expected", "found"),
    [
        ((), "mail.dmarc-none", False),
        (("v=spf1 -all",), "mail.dmarc-none", False),
        (("v=DMARC1; p=none", "v=DMARC1; p=reject"), "mail.dmarc-none", True),
        (("v=DMARC1; p=quarantine; rua=mailto:a@example.org",), "mail.dmarc", True),
    ],
)
def test_dmarc_is_one_policy(
    texts: tuple[str, ...], expected: str, found: bool
) -> None:
    policies = mail.dmarc_policies(texts)
    assert mail.dmarc("example.org", policies).id == expected
    assert bool(policies) is found


def test_the_policy_of_a_domain_above_counts_too() -> None:
    assert mail.dmarc_domains("a.mail.example.org.") == (
        "a.mail.example.org",
        "mail.example.org",
        "example.org",
    )
    assert mail.dmarc_domains("example") == ("example",)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("example.org", True),
        ("mail.example.org.", True),
        ("localhost", False),
        ("mail.corp.LOCAL", False),
        ("host", False),
        ("", False),
    ],
)
def test_names_that_no_dns_knows(domain: str, expected: bool) -> None:
    assert mail.is_public(domain) is expected
