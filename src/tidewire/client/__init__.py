"""The Python client: follow streams over as many connections as it takes, and publish."""

from __future__ import annotations

from tidewire.client.backoff import Backoff
from tidewire.client.channels import ChannelNames
from tidewire.client.follow import Following, follow
from tidewire.client.publish import Publisher
from tidewire.client.subscription import ChannelEvent, Subscription

__all__ = [
    "Backoff",
    "ChannelEvent",
    "ChannelNames",
    "Following",
    "Publisher",
    "Subscription",
    "follow",
]
