"""Measures the calls of an S3 client, by the events that botocore emits."""

import time
from typing import TYPE_CHECKING, Any

from crypto_assets.process_metrics import get_meter

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# In the context that botocore passes from the start of a call to its end.
_STARTED, _REQUESTS = "measured_since", "measured_requests"


def measure_calls(client: "S3Client") -> None:
    """Add the duration, errors and retries of each call to the figures of this process."""
    events = client.meta.events
    events.register("before-call.s3", _begin)
    events.register("request-created.s3", _count_request)
    events.register("after-call.s3", _end)
    events.register("after-call-error.s3", _fail)


def _begin(context: dict[str, Any], **_: Any) -> None:
    context[_STARTED] = time.perf_counter()


def _count_request(request: Any, operation_name: str, **_: Any) -> None:
    # A request that is only signed, for a URL, has no start.
    context = request.context
    context[_REQUESTS] = context.get(_REQUESTS, 0) + 1
    if context[_REQUESTS] > 1:
        get_meter().count_s3_retry(operation_name)


def _end(http_response: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
    get_meter().observe_s3_call(model.name, time.perf_counter() - context[_STARTED])
    if http_response.status_code >= 300:
        get_meter().count_s3_error(model.name, str(http_response.status_code))


def _fail(event_name: str, **_: Any) -> None:
    get_meter().count_s3_error(event_name.rpartition(".")[2], "none")
