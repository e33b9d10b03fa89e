"""What a request is answered with, and how that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.http.answers import Send
from agent.restconf.media import Media
from agent.restconf.streams import MEDIA


@dataclass(frozen=True, slots=True)
class Answer:
    """Without a body there is no content type."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def options(allowed: tuple[str, ...]) -> Answer:
    headers = {"Allow": ", ".join(sorted(allowed))}
    if "PATCH" in allowed:
        headers["Accept-Patch"] = ", ".join(media.value for media in Media)
    return Answer(204, headers=headers)


async def send_answer(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.content_type:
        headers.append((b"content-type", answer.content_type.encode()))
    if answer.status not in (204, 304) and answer.content_type != MEDIA:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    headers.append((b"x-content-type-options", b"nosniff"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
