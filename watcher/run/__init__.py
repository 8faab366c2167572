"""One run from top to bottom: ``check`` composes the steps, and decides nothing itself."""
