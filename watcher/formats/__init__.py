"""Events to bytes, pure: mail, feeds and page, a file a form."""
