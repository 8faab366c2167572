"""What a first configuration needs: asked for, tried out at once, written, scheduled.

``watcher init`` composes it.
"""
