"""Feeds and pages: what they show and how they are made."""
