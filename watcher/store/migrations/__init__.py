"""The steps by which the schema came to be what it is.

Each runs once, at the first opening after an upgrade.
"""
