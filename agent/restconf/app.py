"""From a request to its answer: an ASGI application."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from agent.at_work import bind_session
from agent.errors import OperationFailed, ResourceDenied, RpcErrors
from agent.http.answers import Noting, Receive, Send
from agent.notifications import STREAM
from agent.operations.context import Context
from agent.operations.same_rules import by_the_same_rules
from agent.restconf import editing, invoking, rights, streams
from agent.restconf.answers import Answer, options, send_answer
from agent.restconf.caller import Requester
from agent.restconf.changes import Changes
from agent.restconf.documents import input_of, one_child, whole
from agent.restconf.login import Logins
from agent.restconf.media import Media
from agent.restconf.methods import READS, allowed_at, refuse_foreign, refuse_method
from agent.restconf.parsing import Parsing
from agent.restconf.problems import NAMESPACE, Problem, problem_of, report
from agent.restconf.queries import EditQuery, edit_query, parameters, read_query, stream_query
from agent.restconf.request import Bodies, Gone, Request, UnderWay, request_of
from agent.restconf.retrieval import UNIFIED, ManyInXml, is_seen, retrieved
from agent.restconf.shown import Shown
from agent.restconf.uris import Place, place_of
from agent.restconf.validators import Validators, refuse_another, validators_of
from agent.xml import Element
from agent.yang.schema_node import Kind, SchemaNode

log = logging.getLogger(__name__)

ROOT = "restconf"
DATA = "/restconf/data"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DATASTORES = ("running", "candidate", "operational")
STOP_S = 10.0
_EDITS = ("POST", "PUT", "PATCH", "DELETE")
_FAULT = OperationFailed("the server failed to carry this out; its log says why", app_tag="internal-error")
_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}
_HOST_META = (
    b'<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="restconf" href="/restconf"/></XRD>'
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What requests may take. ``body_octets``: also all bodies of one user at once; ``requests_per_user``: so
    many, and as many streams beside them."""

    body_octets: int
    bodies_octets: int
    elements: int
    requests_per_user: int


class Restconf:
    """What is behind the door.

    Args:
        next_session_id: of the sessions of all transports.
    """

    def __init__(
        self,
        context: Context,
        logins: Logins,
        bounds: Bounds,
        *,
        next_session_id: Callable[[], int] | None = None,
    ) -> None:
        self._context = context
        self._shown = Shown(context.schema)
        self._logins = logins
        self._bounds = bounds
        self._next_session_id = next_session_id or itertools.count(1).__next__
        self._bodies = Bodies(bounds.bodies_octets, most_of_user=bounds.body_octets)
        self._parsing = Parsing()
        self.under_way = UnderWay(bounds.requests_per_user)
        self._changes = Changes()
        self._following: set[Requester] = set()
        self._is_shut = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request = request_of(scope, receive, self._bodies)
        noting = Noting(send)
        try:
            answer = await self._answered_or_refused(request, noting)
        except Gone:
            return
        except Exception as problem:
            log.error("a request failed by a fault of this server", exc_info=problem)
            if noting.has_begun:
                request.guest.abort()
                return
            answer = self._refused(request, problem_of([_FAULT]))
        finally:
            request.release()
        if answer is not None:
            await send_answer(answer, send)

    async def _answered_or_refused(self, request: Request, send: Send) -> Answer | None:
        try:
            return await self._answered(request, send)
        except Problem as problem:
            return self._refused(request, problem)
        except RpcErrors as problem:
            return self._refused(request, problem_of(problem.errors))

    def end_streams(
        self, stays: Callable[[str], bool] = lambda user: False, changed: Collection[str] = ()
    ) -> None:
        """End the streams of all users but those who stay; of the ``changed``, also those that were opened
        with a password."""
        for caller in self._following:
            if not stays(caller.user) or (caller.by_password and caller.user in changed):
                caller.over.set()

    def shut(self) -> None:
        """Begin nothing any more that changes something, and no stream; end those that there are."""
        self._is_shut = True
        self._changes.shut()
        self.end_streams()

    async def stop(self, within_s: float = STOP_S) -> None:
        """Wait for edits that go on, whose clients may be gone, but not for longer."""
        await self._changes.over(within_s)

    def _refused(self, request: Request, problem: Problem) -> Answer:
        media = request.media_of_errors
        body = report(problem.errors, media, self._context.schema.namespaces())
        return Answer(problem.status, body, media.value, headers=problem.headers)

    async def _answered(self, request: Request, send: Send) -> Answer | None:
        if request.segments == (".well-known", "host-meta"):
            refuse_method(request, READS)
            return Answer(200, _HOST_META, "application/xrd+xml")
        if request.segments[:1] != (ROOT,):
            raise Problem(404, "invalid-value", "there is nothing here; RESTCONF is at /restconf")
        refuse_foreign(request)
        changes = request.method not in READS
        known = await self._logins.known(request.guest, request.fields, changes=changes)
        if known.session is not None:
            refuse_foreign(request, also_reads=True)
        request.user = user = known.user
        is_stream = request.segments[1:2] == ("streams",)
        with self.under_way.counted(user, is_stream=is_stream):
            caller = Requester(
                self._next_session_id(),
                user,
                groups=(),
                source=request.guest.source,
                local=request.guest.local,
                login_time=self._context.now(),
                sees_secrets=not known.by_browser,
                by_password=known.by_password,
                logged_in=known.session,
            )
            bind_session(caller.session_id, user)
            with self._told_of_its_end(caller) if is_stream else nullcontext():
                caller.groups = await self._logins.groups_of(user)
                return await self._routed(request, caller, send)

    @contextmanager
    def _told_of_its_end(self, caller: Requester) -> Iterator[None]:
        """Have ``over`` set when his stream is to end, also before it has begun."""
        self._following.add(caller)
        if self._is_shut:
            caller.over.set()
        try:
            with self._logins.ends_with(caller.logged_in, lambda _why: caller.over.set()):
                yield
        finally:
            self._following.discard(caller)

    async def _routed(self, request: Request, caller: Requester, send: Send) -> Answer | None:
        match request.segments[1:]:
            case ():
                return self._root(request)
            case ("data", *rest):
                return await self._data(request, caller, rest)
            case ("operations",):
                refuse_method(request, READS)
                parameters(request.query, ())
                return self._read(request, invoking.listed(self._context.schema, request.media))
            case ("operations", name):
                return await self._operation(request, caller, unquote(name))
            case ("yang-library-version",):
                return self._library_version(request)
            case ("ds", name, *rest):
                return await self._datastore(request, caller, unquote(name), rest)
            case ("streams", name, encoding) if encoding in streams.ENCODINGS and unquote(name) == STREAM:
                return await self._stream(request, caller, streams.ENCODINGS[encoding], send)
        raise Problem(404, "invalid-value", "there is no such resource; /restconf says which there are")

    # -- what never changes ----------------------------------------------------------------

    @property
    def _revision(self) -> str:
        return self._context.schema.by_name["ietf-yang-library"].revision

    def _root(self, request: Request) -> Answer:
        refuse_method(request, READS)
        parameters(request.query, ())
        if request.media is Media.JSON:
            content = {"data": {}, "operations": {}, "yang-library-version": self._revision}
            return self._read(request, json.dumps({"ietf-restconf:restconf": content}).encode())
        inside = f"<data/><operations/><yang-library-version>{self._revision}</yang-library-version>"
        return self._read(request, f'<restconf xmlns="{NAMESPACE}">{inside}</restconf>'.encode())

    def _library_version(self, request: Request) -> Answer:
        refuse_method(request, READS)
        parameters(request.query, ())
        if request.media is Media.JSON:
            body = json.dumps({"ietf-restconf:yang-library-version": self._revision}).encode()
        else:
            body = (
                f'<yang-library-version xmlns="{NAMESPACE}">{self._revision}</yang-library-version>'.encode()
            )
        return self._read(request, body)

    def _read(self, request: Request, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        if request.method == "OPTIONS":
            return options(READS)
        return Answer(200, body, request.media.value, headers={**_CACHING, **(headers or {})})

    # -- data ------------------------------------------------------------------------------

    async def _data(self, request: Request, caller: Requester, segments: list[str]) -> Answer:
        place = place_of(self._context.schema, segments, actions=True)
        if place.node is not None and place.node.kind is Kind.ACTION:
            return await self._action(request, caller, place)
        allowed = allowed_at(place)
        refuse_method(request, allowed, of=place)
        if request.method == "OPTIONS":
            return options(allowed)
        if request.method in _EDITS:
            return await self._edited(request, caller, place)
        await rights.refuse_operation(self._context, caller, rights.READ)
        return await self._retrieved(request, caller, place, datastore=UNIFIED)

    async def _datastore(self, request: Request, caller: Requester, name: str, segments: list[str]) -> Answer:
        module, _, datastore = name.rpartition(":")
        if module != "ietf-datastores" or datastore not in DATASTORES:
            names = ", ".join(f"ietf-datastores:{one}" for one in DATASTORES)
            raise Problem(404, "invalid-value", f"the datastores are {names}")
        place = place_of(self._context.schema, segments)
        refuse_method(request, READS)
        if request.method == "OPTIONS":
            return options(READS)
        await rights.refuse_operation(self._context, caller, rights.READ)
        return await self._retrieved(request, caller, place, datastore=datastore)

    async def _retrieved(self, request: Request, caller: Requester, place: Place, datastore: str) -> Answer:
        """Return what is at ``place`` with the validators of that: of the same rules of access control."""
        work = partial(self._retrieved_once, request, caller, place, datastore)
        try:
            return await by_the_same_rules(self._context, caller, work)
        except ResourceDenied as problem:
            raise problem_of([problem]) from None

    async def _retrieved_once(
        self, request: Request, caller: Requester, place: Place, datastore: str
    ) -> Answer:
        context, media = self._context, request.media
        query = read_query(context.schema, place, request.query, operational=datastore == "operational")
        known: Validators | None = None
        if datastore in (UNIFIED, "running") and (place.node is None or place.node.config):
            # Before what is read, so that it is never of a later commit. Two numbers need no thread.
            known = self._validators(caller, place, media)
            only_config = query.content == "config" or datastore == "running" or not _holds_state(place)
            may_be_known = only_config and not known.have_changed(request.fields)
            # What its client may not see has no tag for him, and is not there.
            if (
                may_be_known
                and known.are_known(request.fields)
                and await request.while_there(is_seen(context, caller, place, query))
            ):
                return Answer(304, headers={**_CACHING, **known.headers})
        work = retrieved(context, caller, place, query, datastore=datastore, media=media)
        try:
            body = await request.while_there(work)
        except ManyInXml:
            message = "there are several, which XML has no document for: ask for JSON, or for one of them"
            raise Problem(400, "invalid-value", message) from None
        if body is None:
            raise Problem(404, "invalid-value", "there is nothing in this place")
        refuse_another(request.fields, known)
        return self._read(request, body, {} if known is None else known.headers)

    def _validators(self, caller: Requester, place: Place, media: Media) -> Validators:
        access, txids = self._context.access(caller), self._context.configuration.txids("running")
        shown, since = self._shown.to(access), self._shown.since(access)
        return validators_of(txids, place, shown=shown, since=since, media=media)

    async def _edited(self, request: Request, caller: Requester, place: Place) -> Answer:
        query = edit_query(request.query) if request.method in ("POST", "PUT") else EditQuery()
        if request.method not in ("POST", "PUT"):
            parameters(request.query, ())
        await rights.refuse_edit(self._context, caller, place)
        content: list[Element] = []
        if request.method != "DELETE":
            content = await self._content(request, caller, place)
        media = request.media_of_errors
        edit = editing.Edit(
            request.method,
            place,
            content,
            query=query,
            fields=request.fields,
            validators=partial(self._validators, caller, place, media),
            left=partial(self._validators_after, caller, media),
        )
        done = await self._changes.in_turn(partial(editing.carry_out, self._context, caller, edit))
        if request.method == "DELETE":
            return Answer(204)
        if done.created is None:
            return Answer(204, headers=done.fields)
        scheme = "https" if request.guest.secure else "http"
        location = f"{scheme}://{request.fields['host']}{DATA}{done.created.uri()}"
        return Answer(201, headers={**done.fields, "Location": location})

    async def _validators_after(self, caller: Requester, media: Media, place: Place) -> dict[str, str]:
        """Return those of what an edit has left at ``place``, none for who may not read it."""
        try:
            if self._context.access(caller).everything(["read"]) or await is_seen(
                self._context, caller, place
            ):
                return self._validators(caller, place, media).headers
        except RpcErrors as problem:  # the edit is done, and is told as done
            log.info("an edit is answered without its validators: %s", problem)
        return {}

    async def _content(self, request: Request, caller: Requester, place: Place) -> list[Element]:
        media = request.media_sent
        schema, elements = self._context.schema, self._bounds.elements
        body = await self._body(request, caller)

        def work() -> list[Element]:
            if request.method == "POST":
                return [one_child(schema, body, media, above=place.node, max_elements=elements)]
            if not place.steps:
                return whole(schema, body, media, max_elements=elements)
            return [one_child(schema, body, media, above=place.above.node, max_elements=elements)]

        return await self._parsing.done(request.user, len(body), work)

    async def _body(self, request: Request, caller: Requester) -> bytes:
        body = await request.body()
        self._logins.refuse_over(caller.user, caller.logged_in)  # it may have taken a minute
        return body

    # -- operations and events -------------------------------------------------------------

    async def _operation(self, request: Request, caller: Requester, name: str) -> Answer:
        context = self._context
        node = invoking.operation_of(context.schema, name)
        refuse_method(request, ("POST", "OPTIONS"))
        if request.method == "OPTIONS":
            return options(("POST", "OPTIONS"))
        parameters(request.query, ())
        await rights.refuse_operation(context, caller, (node.namespace, node.name))
        content = await self._input(request, caller, node)
        media = request.media
        work = partial(invoking.invoke, context, caller, node, content, media=media)
        output = await self._changes.unbroken(work)
        return Answer(204) if output is None else Answer(200, output, media.value)

    async def _action(self, request: Request, caller: Requester, place: Place) -> Answer:
        refuse_method(request, ("POST", "OPTIONS"))
        if request.method == "OPTIONS":
            return options(("POST", "OPTIONS"))
        parameters(request.query, ())
        await rights.refuse_action(self._context, caller, place)
        content = await self._input(request, caller, place.steps[-1].node)
        media = request.media
        work = partial(invoking.act, self._context, caller, place, content, media=media)
        output = await self._changes.unbroken(work)
        return Answer(204) if output is None else Answer(200, output, media.value)

    async def _input(self, request: Request, caller: Requester, node: SchemaNode) -> list[Element]:
        schema, elements = self._context.schema, self._bounds.elements
        body = await self._body(request, caller)
        media = request.media_sent if body.strip() else None

        def work() -> list[Element]:
            return input_of(schema, body, media, operation=node, max_elements=elements)

        return await self._parsing.done(request.user, len(body), work)

    async def _stream(self, request: Request, caller: Requester, media: Media, send: Send) -> Answer | None:
        refuse_method(request, READS)
        if request.method == "OPTIONS":
            return options(READS)
        query = stream_query(request.query)
        await rights.refuse_operation(self._context, caller, rights.FOLLOW)
        if request.method == "HEAD":
            return Answer(200, b"", streams.MEDIA)
        self._logins.refuse_over(caller.user, caller.logged_in)
        if caller.over.is_set():  # for another reason, which he hears when he asks again
            message = "the stream has ended before it began"
            raise Problem(503, "resource-denied", message, headers={"Retry-After": "1"})
        await streams.follow(self._context, caller, request, query=query, media=media, send=send)
        return None


def _holds_state(place: Place) -> bool:
    return place.node is None or place.node.holds_state
