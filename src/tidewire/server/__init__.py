"""The app: the builder's door, and all that ``tidewire serve`` answers."""
