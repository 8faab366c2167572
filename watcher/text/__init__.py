"""Texts that mails, pages and terminals share."""
