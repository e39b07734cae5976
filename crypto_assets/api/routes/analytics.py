"""Analytics: a route for each provider, with its own parameters and columns."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, create_model

from crypto_assets.analytics import Panel, Provider, get_provider
from crypto_assets.analytics.registry import find_providers
from crypto_assets.api.dependencies import ReportsDep
from crypto_assets.api.parameters import SeriesQuery, SymbolPath
from crypto_assets.api.routes.router import create_api_router
from crypto_assets.api.series_response import build_indicator_rows, build_series_response
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.series import build_answer_model
from crypto_assets.reports import Reports

_SERIES_PARAMETERS = set(SeriesQuery.model_fields)


class ProviderView(BaseModel):
    name: str
    title: str
    summary: str
    description: str
    panel: Panel = Field(description="Where the chart shows the result.")
    columns: dict[str, str] = Field(
        description="Columns of a series and their units; empty for other results."
    )
    params: dict[str, Any] = Field(description="JSON schema of the parameters.")


_routers: dict[tuple[Callable[..., Any], ...], APIRouter] = {}


def get_analytics_router() -> APIRouter:
    """Return the router of the current providers, which apps share. It includes added ones."""
    providers = find_providers()
    functions = tuple(provider.function for provider in providers.values())
    if functions not in _routers:
        _routers[functions] = _create_router(providers)
    return _routers[functions]


def _create_router(providers: Mapping[str, Provider[Any]]) -> APIRouter:
    router = create_api_router("analytics")

    @router.get("/analytics/providers")
    def read_providers() -> Answer[list[ProviderView]]:
        """List all providers with their parameters."""
        return Answer(data=[_build_provider_view(provider) for provider in providers.values()])

    for provider in providers.values():
        _add_provider_route(router, provider)

    # Added after the routes of all providers, so that it handles unknown names only.
    @router.get("/analytics/data/{name}/{symbol}", include_in_schema=False)
    def refuse_unknown_provider(name: str) -> None:
        get_provider(name)

    return router


def _add_provider_route(router: APIRouter, provider: Provider[Any]) -> None:
    query_model = _create_query_model(provider)

    def read_provider_values(
        request: Request, symbol: SymbolPath, query: SeriesQuery, reports: ReportsDep
    ) -> Response:
        return _compute_response(request, provider, symbol, query, reports)

    # The type of the parameters depends on the provider, so it is set at run time.
    read_provider_values.__annotations__["query"] = Annotated[query_model, Query()]
    router.add_api_route(
        f"/analytics/data/{provider.name}/{{symbol}}",
        read_provider_values,
        methods=["GET"],
        name=f"read_{provider.name}",
        summary=provider.title,
        description=provider.description,
        response_model=build_answer_model(provider),
    )


def _create_query_model(provider: Provider[Any]) -> type[SeriesQuery]:
    """Combine the parameters of candles and of a provider. Raises ValueError on a common name."""
    if common := _SERIES_PARAMETERS & provider.params.model_fields.keys():
        raise ValueError(f"{provider.name}: parameters {', '.join(sorted(common))} are reserved")
    bases: tuple[Any, ...] = (SeriesQuery, provider.params)
    model: type[SeriesQuery] = create_model(f"{provider.name}_query", __base__=bases)
    return model


def _compute_response(
    request: Request, provider: Provider[Any], symbol: str, query: SeriesQuery, reports: Reports
) -> Response:
    values = query.model_dump(exclude=_SERIES_PARAMETERS, by_alias=True)
    chart = reports.get_indicator_chart(
        provider.name, symbol, query.interval, query.start, query.end, query.limit, values
    )
    params = provider.parse_params(values).model_dump(by_alias=True, mode="json")
    data = chart.results[0].value if chart.results else None
    if provider.is_series:
        data = [] if data is None else build_indicator_rows(chart.candles, data)
    return build_series_response(
        request, query, chart.candles, params, data, depends_on_range=provider.needs_candles
    )


def _build_provider_view(provider: Provider[Any]) -> ProviderView:
    return ProviderView(
        name=provider.name,
        title=provider.title,
        summary=provider.summary,
        description=provider.description,
        panel=provider.panel,
        columns=dict(provider.columns),
        params=provider.params.model_json_schema(),
    )
