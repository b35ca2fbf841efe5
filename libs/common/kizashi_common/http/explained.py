"""What every `code` of a problem document means, and what its caller can do: for the pages behind its `type`.

Source: GATEWAY.md 1, "Errors"; INGEST.md 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXPLAINED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "already_resolved": "The alert is closed. It can be read; nothing about it can be changed by this command.",
        "bad_encoding": "The body could not be unpacked or is no text. Send UTF-8, plain or with gzip, and say which.",
        "bad_envelope": "The body is JSON, but not of the shape that this address takes.",
        "bad_json": "The body is not JSON. Nothing of it was taken; send it again once it is.",
        "batch_too_large": "Too many events in one request. Send them in several.",
        "body_too_large": "Body or address is larger than what is taken. Send it in parts.",
        "csrf": "A write that a cookie allowed did not come from a page of ours. Send Kizashi-CSRF from /v1/me and our"
        " own Origin, or use an API key.",
        "cursor_mismatch": "A cursor belongs to the filters and workspace that it was made for. Start again without.",
        "endpoint_disabled": "The webhook endpoint is disabled, so nothing is sent to it.",
        "idempotency_mismatch": "The Idempotency-Key was used for another request within 24 hours. Use a fresh one for"
        " each request, and the same one for its repeats only.",
        "if_match_required": "Say which version you saw: If-Match with the ETag of the object. Else a change that"
        " somebody else made in between would be overwritten.",
        "in_progress": "The same work is under way already. Try again when it is over.",
        "internal": "Something went wrong on our side. It is logged under the request id. It may be tried again.",
        "invalid": "Well-formed, but not acceptable. Every fault is listed under `errors`, with where it lies.",
        "invalid_event": "The event can never be used as it is. What is wrong with it is listed under `errors`.",
        "invalid_key": "The key is unknown, revoked, expired, or of the wrong kind for this address.",
        "key_store_unavailable": "Keys cannot be looked up just now. Nothing was taken: try again after Retry-After.",
        "key_taken": "Something with this name is there already.",
        "malformed_json": "The body is not JSON.",
        "method_not_allowed": "The address does not take this method. Allow lists those that it takes.",
        "missing_key": "The request has no key. Send the source's key as the user name of Basic or as a bearer token.",
        "not_complete": "Not all input of the past is counted yet. Try again once it is.",
        "not_found": "There is no such thing, or it belongs to another workspace.",
        "note_required": "A critical alert is resolved with a note that says what came of it.",
        "origin_not_allowed": "The source does not take events from pages of this origin.",
        "overloaded": "We cannot do this just now. Nothing was done: try again after Retry-After.",
        "owner_unavailable": "The service that owns the thing cannot be reached. Whether it was done is not known: read"
        " it, or repeat the request under the same Idempotency-Key.",
        "rate_limited": "Too many requests. Try again after Retry-After.",
        "scope_missing": "The credential is valid and lacks the scope that the detail names.",
        "secret_already_shown": "The same request made this before, and its secret was shown then. If it is lost, make"
        " another one under a fresh Idempotency-Key.",
        "slow_body": "The body stopped arriving, so the request was given up. Nothing was taken.",
        "stale_version": "The object changed since you read it. `current` is what it is now: decide again, and send the"
        " new version.",
        "strict_rejected": "With `strict`, one bad event refuses the whole request. Nothing was taken.",
        "too_deep": "The body is nested too deeply.",
        "unauthenticated": "No credential, or none that is valid. Send Authorization: Bearer with an API key.",
        "unsupported_format": "This address does not take this format.",
        "unsupported_media_type": "The body must be application/json, and say so in Content-Type.",
        "zone_needs_rebuild": "Events of the workspace were counted by the days of its zone, so the zone is fixed.",
    }
)
