"""With a schema registry, ids come from it; every process gets the same ones.

The registry here is a fake at the edge: an in-process HTTP server that speaks the endpoints of the
Confluent API which the product uses (register a schema; refuse one by compatibility). What it
cannot show is a real registry's judgement of compatibility: tests/unit/test_schema_evolution.py
makes that judgement offline.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

import fastavro
import pytest

from pipeline.codecs.published import published_versions
from pipeline.codecs.registry import RegistryError, ids_from_registry, schema_ids
from pipeline.codecs.rendering import framed_to_json, from_json
from pipeline.codecs.wire import fixed_ids
from pipeline.settings import Settings
from pipeline.topics import ALL_TOPICS

FIRST_ID = 100_001


class FakeRegistry(ThreadingHTTPServer):
    """Numbers schemas by content, as a registry does; keeps the subjects it was given."""

    def __init__(self) -> None:
        """Listen on a free port of this machine."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ids: dict[str, int] = {}
        self.subjects: dict[str, list[int]] = {}
        self.refuse: str | None = None

    @property
    def url(self) -> str:
        """What registry_url is set to."""
        return f"http://127.0.0.1:{self.server_port}"

    def register(self, subject: str, schema: str) -> int:
        """The id of `schema`, which is now a version of `subject`."""
        schema_id = self.ids.setdefault(schema, FIRST_ID + len(self.ids))
        versions = self.subjects.setdefault(subject, [])
        if schema_id not in versions:
            versions.append(schema_id)
        return schema_id


class _Handler(BaseHTTPRequestHandler):
    server: FakeRegistry

    def do_POST(self) -> None:
        """Register a schema: POST /subjects/SUBJECT/versions."""
        parts = urlsplit(self.path).path.strip("/").split("/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if len(parts) != 3 or parts[0] != "subjects" or parts[2] != "versions":
            self.answer(404, {"error_code": 404, "message": f"no such endpoint: {self.path}"})
        elif self.server.refuse is not None:
            self.answer(409, {"error_code": 409, "message": self.server.refuse})
        else:
            self.answer(200, {"id": self.server.register(unquote(parts[1]), body["schema"])})

    def answer(self, status: int, content: dict[str, object]) -> None:
        """Send `content` as JSON."""
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- inherited name
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_every_published_version_is_registered_under_its_topics_subject(
    registry: FakeRegistry,
) -> None:
    ids = ids_from_registry(registry.url, "staging.")
    topics = {topic.schema: topic.name for topic in ALL_TOPICS}
    assert set(registry.subjects) == {f"staging.{topics[name]}-value" for name in ids.current}
    assert set(ids.current) == set(fixed_ids().current)
    for name, schema_id in ids.current.items():
        versions = registry.subjects[f"staging.{topics[name]}-value"]
        assert versions[-1] == schema_id
        assert [ids.readable[each] for each in versions] == [
            (name, version) for version in published_versions(name)
        ]


def test_registered_schemas_stand_alone(registry: FakeRegistry) -> None:
    ids_from_registry(registry.url)
    for text in registry.ids:
        fastavro.parse_schema(json.loads(text))  # raises where a named type is not defined


def test_a_second_process_gets_the_same_ids_and_registers_nothing_new(
    registry: FakeRegistry,
) -> None:
    first = ids_from_registry(registry.url)
    known = dict(registry.ids)
    assert ids_from_registry(registry.url) == first
    assert registry.ids == known


def test_settings_choose_between_the_registry_and_the_fixed_table(registry: FakeRegistry) -> None:
    assert schema_ids(Settings()) == fixed_ids()
    ids = schema_ids(replace(Settings(), registry_url=registry.url))
    assert min(ids.current.values()) >= FIRST_ID
    mark = {
        "event_time": "2023-12-25T10:00:00.000000Z",
        "source_system_id": "feed",
        "tenant_id": "demo",
        "instrument_id": "ESH4",
        "price_e9": 1,
        "source_time": "2023-12-25T10:00:00.000000Z",
    }
    framed = ids.frame("mark") + from_json("mark", mark)
    assert framed_to_json(framed, ids).record == mark


def test_a_registry_that_refuses_a_schema_stops_the_start_with_its_words(
    registry: FakeRegistry,
) -> None:
    registry.refuse = "Schema being registered is incompatible with an earlier schema"
    with pytest.raises(RegistryError, match="incompatible with an earlier schema"):
        ids_from_registry(registry.url)


def test_a_registry_that_does_not_answer_is_named() -> None:
    with pytest.raises(RegistryError, match=r"http://127\.0\.0\.1:1: .*registry_url"):
        ids_from_registry("http://127.0.0.1:1")
