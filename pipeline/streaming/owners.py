"""Which worker holds which lane, and where its endpoint is: asked of the group's coordinator.

Owns the client id by which a worker tells it: `APP_ID-WORKER_ID@HOST:PORT`, which Kafka keeps with
the group's member and shows to whoever may describe the group. No registry beside it can go stale:
who holds a lane is what the group says. Whoever may join the group can name an address there, so
joining it must be as restricted as reading the topics is.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.settings import Settings
from pipeline.topics import ORDERS

_ASK_S_MAX: Final = 5.0
_WILDCARDS: Final = ("", "0.0.0.0", "::")


@dataclass(frozen=True)
class Member:
    """A worker of the group; `address`: host and port of its endpoint, None where it tells none."""

    worker_id: str
    address: tuple[str, int] | None
    lanes: frozenset[int]


def client_id(settings: Settings, port: int) -> str:
    """The Kafka client id of a worker whose endpoint has `port`."""
    host = settings.advertised_host
    if not host:
        host = settings.metrics_host
        if host in _WILDCARDS:
            host = socket.gethostname()
    return f"{settings.app_id}-{settings.worker_id}@{address_text((host, port))}"


def address_text(address: tuple[str, int]) -> str:
    """`HOST:PORT`, an IPv6 host in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def members(client: AdminClient, settings: Settings) -> list[Member]:
    """The workers that share the lanes now, by worker id; none while they are being shared out.

    Raises KafkaException when the coordinator does not answer.
    """
    group = settings.app_id
    described: Any = client.describe_consumer_groups([group], request_timeout=_ASK_S_MAX)
    return sorted(
        (_member(settings, member) for member in described[group].result().members),
        key=lambda member: member.worker_id,
    )


def owner_of(lane: int, found: Iterable[Member]) -> Member | None:
    """The member that holds a lane."""
    return next((member for member in found if lane in member.lanes), None)


def owner_address(client: AdminClient, settings: Settings, lane: int) -> str | None:
    """Where the worker that holds a lane can be asked; None where that cannot be told."""
    try:
        owner = owner_of(lane, members(client, settings))
    except KafkaException:
        return None
    return None if owner is None or owner.address is None else address_text(owner.address)


def _member(settings: Settings, described: Any) -> Member:
    worker_id, address = _parse(settings, described.client_id)
    assigned = described.assignment.topic_partitions if described.assignment else []
    orders = settings.topic(ORDERS.name)
    return Member(worker_id, address, frozenset(p.partition for p in assigned if p.topic == orders))


def _parse(settings: Settings, text: str) -> tuple[str, tuple[str, int] | None]:
    """Worker id and address of a client id; the whole id where it is not one of ours."""
    ours, _, place = text.rpartition("@")
    host, _, port = place.rpartition(":")
    prefix = f"{settings.app_id}-"
    if not ours.startswith(prefix) or not host or not port.isdecimal():
        return text, None
    return ours.removeprefix(prefix), (host.removeprefix("[").removesuffix("]"), int(port))
