"""TLS and SASL settings reach every client: publisher, admin, worker, recovery, readers."""

import datetime as dt
import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.audit.verify import verify
from pipeline.local.broker import LocalBroker
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import BrokerUnreachableError, create_topics
from tests.flow import World, order, worker

pytestmark = pytest.mark.broker

# One listener that demands TLS and a password, beside the plain one that only this broker uses.
SECURED = """
listeners=PLAINTEXT://{{host}}:{{port}},GATE://{{host}}:{secured},CONTROLLER://{{host}}:{{controller_port}}
advertised.listeners=PLAINTEXT://{{host}}:{{port}},GATE://{{host}}:{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GATE:SASL_SSL
listener.name.gate.sasl.enabled.mechanisms=PLAIN
listener.name.gate.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_gate="correct";
listener.name.gate.ssl.keystore.type=PEM
listener.name.gate.ssl.keystore.location={keystore}
"""


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """(certificate, key and certificate) of 127.0.0.1, signed by itself, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (directory / "ca.pem").write_bytes(public)
    (directory / "server.pem").write_bytes(private + public)
    return directory / "ca.pem", directory / "server.pem"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Settings]:
    """Settings for the demanding listener of a broker of this test's own."""
    authority, keystore = write_certificate(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    more = SECURED.format(secured=port, keystore=keystore)
    with LocalBroker(tmp_path / "kafka", more_properties=more):
        yield Settings(
            app_id="secured",
            partitions=2,
            worker_id="w1",
            data_dir=str(tmp_path / "w1"),
            gate_clock="record",
            kafka_bootstrap=f"127.0.0.1:{port}",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="PLAIN",
            kafka_sasl_username="gate",
            kafka_sasl_password="correct",  # noqa: S106 -- of a broker that ends with the test
            kafka_ssl_cafile=str(authority),
        ).checked()


def test_everything_works_over_tls_with_a_password_and_nothing_without(
    secured: Settings, tmp_path: Path
) -> None:
    with pytest.raises(BrokerUnreachableError):
        create_topics(replace(secured, kafka_sasl_password="wrong"))  # noqa: S106
    world = World(secured)
    world.define(["alice"])
    with worker(secured, "w1", tmp_path) as running:
        running.ready()
        world.send("orders", "order", order("alice", "o1"))
        world.flush()
        world.await_records("decisions", 1)
        assert running.stop() == 0
    assert [decision["reason_code"] for decision in world.decisions()] == ["ACCEPTED"]
    result = verify(secured)
    assert (result.ok, result.problems) == (True, [])
