"""Asks the worker that holds a user's lane for the user's state.

Owns how that worker is found, how long it is waited for, and what its refusals mean. The token goes
to the address the worker told the consumer group, nowhere else: redirects are not followed.
"""

import http.client
import json
import time
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from confluent_kafka import KafkaException

from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.streaming.owners import Member, address_text, members, owner_of
from pipeline.streaming.topic_admin import admin_client
from pipeline.streaming.topic_reader import partition_count
from pipeline.telemetry.token import read_token
from pipeline.topics import ORDERS

_ANSWER_S_MAX: Final = 15.0
_ANSWER_BYTES_MAX: Final = 256 << 20
_RETRY_S: Final = 0.5


class NoAnswerError(Exception):
    """No worker has answered; the text says why."""


class _NotNowError(NoAnswerError):
    """The lanes are being shared out: the next question may be answered."""


def ask_user(settings: Settings, user_id: str, *, wait_s: float) -> dict[str, Any]:
    """A user's state as its worker shows it; a user it does not know has no "user" and no rows.

    While the lanes are being shared out, it asks again for `wait_s` seconds. Raises NoAnswerError,
    SettingsError for a token that is no token, TopicError when Kafka cannot be asked.
    """
    token = read_token(settings)
    if token is None:
        raise NoAnswerError("no token is set, see state_token_file")
    lane = partition_of(user_id.encode(), partition_count(settings, settings.topic(ORDERS.name)))
    client = admin_client(settings)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return _ask(_owner(client, settings, lane), user_id, token)
        except _NotNowError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)


def _owner(client: Any, settings: Settings, lane: int) -> Member:
    try:
        owner = owner_of(lane, members(client, settings))
    except KafkaException as error:
        raise NoAnswerError(f"the consumer group cannot be described: {error}") from error
    if owner is None:
        raise _NotNowError(f"no worker holds lane {lane}")
    return owner


def _ask(owner: Member, user_id: str, token: str) -> dict[str, Any]:
    if owner.address is None:
        raise NoAnswerError(f"worker {owner.worker_id} tells no address")
    where = f"worker {owner.worker_id} at {address_text(owner.address)}"
    connection = http.client.HTTPConnection(*owner.address, timeout=_ANSWER_S_MAX)
    try:
        connection.request(
            "GET",
            f"/v1/users/{quote(user_id, safe='')}",
            headers={"Authorization": f"Bearer {token}"},
        )
        response = connection.getresponse()
        answer = json.loads(response.read(_ANSWER_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _NotNowError(f"{where} does not answer ({type(error).__name__})") from error
    finally:
        connection.close()
    return _judged(response.status, answer, owner, where)


def _judged(status: int, answer: Any, owner: Member, where: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise NoAnswerError(f"{where} does not answer as a worker does")
    if "source" in answer:
        if answer.get("worker") != owner.worker_id:
            raise _NotNowError(f"{where} is now worker {answer.get('worker')}")
        return answer
    if status == HTTPStatus.UNAUTHORIZED:
        raise NoAnswerError(f"{where} refuses the token: is it the one the worker has?")
    text = f"{where}: {answer.get('error')}"
    if status in {HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE}:
        raise _NotNowError(text)
    raise NoAnswerError(text)
