"""Schema ids from a Confluent-compatible schema registry.

Owns the registration of every published version of each wire record, at start-up and never on the
hot path. Subjects are `<topic_prefix><topic>-value`. Which record a topic carries stays the
contract's business: the registry only numbers the versions that schemas/avro/published holds.
"""

import json
from typing import Final

from pipeline.codecs.published import published_versions
from pipeline.codecs.wire import SchemaIds, fixed_ids
from pipeline.settings import Settings
from pipeline.topics import ALL_TOPICS

_TIMEOUT_S: Final = 10


class RegistryError(Exception):
    """The schema registry cannot be used; the text says why and what to do."""


def schema_ids(settings: Settings) -> SchemaIds:
    """The ids of this process: from `registry_url` where one is set, else the fixed table."""
    if not settings.registry_url:
        return fixed_ids()
    return ids_from_registry(settings.registry_url, settings.topic_prefix)


def ids_from_registry(url: str, topic_prefix: str = "") -> SchemaIds:
    """Register every published version of every wire record and return the registry's ids.

    Registering what is already there changes nothing and returns the id it has. Raises
    RegistryError when the registry does not answer or refuses a schema as incompatible.
    """
    # Only here: half a second that a process without a registry need not spend.
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient  # noqa: PLC0415

    topics = {topic.schema: topic.name for topic in ALL_TOPICS}
    current: dict[str, int] = {}
    readable: dict[int, tuple[str, int]] = {}
    since_core: dict[int, int] = {}
    fixed = fixed_ids()
    core_of = {fixed.readable[fixed_id]: core for fixed_id, core in fixed.since_core.items()}
    try:
        client = SchemaRegistryClient({"url": url, "timeout": _TIMEOUT_S})
        for name in fixed.current:
            subject = f"{topic_prefix}{topics[name]}-value"
            for version, schema in published_versions(name).items():
                text = json.dumps(schema, sort_keys=False)
                schema_id = int(client.register_schema(subject, Schema(text, "AVRO")))
                readable[schema_id] = (name, version)
                current[name] = schema_id
                if (name, version) in core_of:
                    since_core[schema_id] = core_of[name, version]
    except Exception as error:  # the client raises its own, its HTTP library's and ValueError
        raise RegistryError(
            f"schema registry at {url}: {error}. Check registry_url, or leave it empty to use the "
            "fixed ids of schemas/avro/ids.json"
        ) from error
    return SchemaIds(current, readable, since_core)
