"""The indicators of a chart, as the address of the page names them.

Each use of a provider is an instance with a key: `ema`, `ema.2`, `ema.3`. The address contains, if
it differs from the default,

    ema.2=true              whether it is in the chart
    ema.2_period=50         a parameter
    ema.2.color=teal       its color, one of `LINE_COLORS`
    ema.2.width=3           the width of its lines in pixels
    ema.2.hidden=true       that its lines are not drawn, although it is in the legend
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from zlib import crc32

from pydantic import TypeAdapter, ValidationError

from crypto_assets.analytics import Params, Provider
from crypto_assets.errors import WrongUse
from streamlit_app.colors import LINE_COLORS
from streamlit_app.data.analytics import freeze_params
from streamlit_app.figures.indicator import DEFAULT_WIDTH

# The parameters of the address, each with its values in order.
Query = Mapping[str, Sequence[str]]
Providers = Mapping[str, Provider[Any]]
# Changes of the address; None removes a parameter.
QueryChanges = dict[str, str | None]

ON_BY_DEFAULT = frozenset(
    {"sma", "ema", "volume", "rsi"}
    | {"order_book", "volume_profile", "return_distribution", "correlation_matrix"}
)
MAX_INSTANCES = 24
MIN_WIDTH, MAX_WIDTH = 0.5, 6.0
_TRUE, _FALSE = "true", "false"
_STYLES = ("color", "width", "hidden")
_NUMBER = r"(?:\.([2-9]|[1-9][0-9]))"
# Colors that the indicators of a new chart start with; all others get one by their name.
_USUAL_COLORS = {"sma": "green", "ema": "violet", "bollinger": "iris", "vwap": "magenta"}
_COLOR_NAMES = tuple(LINE_COLORS)
# Between two instances of one kind, so that a second one differs from the other usual kinds.
_COLOR_STEP = 3


@dataclass(frozen=True)
class IndicatorInstance:
    """One use of a provider in a chart: its parameters, and how it is drawn.

    `params` has every parameter by its alias. If `error` is not empty, a value in the address is
    not valid: the instance is not drawn, and `params` has the default in the place of that value.
    `color` is a name of `LINE_COLORS`.
    """

    provider: str
    number: int
    params: tuple[tuple[str, object], ...]
    color: str
    width: float = DEFAULT_WIDTH
    is_hidden: bool = False
    error: str = ""

    @property
    def key(self) -> str:
        return format_instance_key(self.provider, self.number)

    @property
    def is_drawn(self) -> bool:
        return not self.is_hidden and not self.error

    def list_colors(self, count: int) -> tuple[str, ...]:
        """Return CSS colors for `count` columns: the instance's own, then those that follow it."""
        start = _COLOR_NAMES.index(self.color)
        names = [_COLOR_NAMES[(start + i) % len(_COLOR_NAMES)] for i in range(count)]
        return tuple(LINE_COLORS[name] for name in names)


def format_instance_key(provider: str, number: int) -> str:
    return provider if number == 1 else f"{provider}.{number}"


def format_parameter_key(instance_key: str, parameter: str) -> str:
    """Return the name of a parameter in the address: `ema.2_period`; `with_` is written `with`."""
    return f"{instance_key}_{parameter.strip('_')}"


def parse_instances(query: Query, providers: Providers) -> tuple[IndicatorInstance, ...]:
    """Return the instances of these providers, by provider and number.

    Raises WrongUse if there are more than MAX_INSTANCES.
    """
    instances = [
        _parse_instance(query, provider, number)
        for provider in providers.values()
        for number in _list_numbers(query, provider.name)
    ]
    if len(instances) > MAX_INSTANCES:
        raise WrongUse(f"a chart has at most {MAX_INSTANCES} indicators, not {len(instances)}")
    return tuple(instances)


def build_addition(
    query: Query, provider: Provider[Any], instances: Iterable[IndicatorInstance]
) -> QueryChanges:
    """Return the changes that add an instance, in a color that no instance of the chart has."""
    taken = set(_list_numbers(query, provider.name))
    number = next(number for number in range(1, MAX_INSTANCES + 2) if number not in taken)
    key = format_instance_key(provider.name, number)
    default = _find_default_color(provider.name, number)
    used = {instance.color for instance in instances}
    color = next((name for name in _rotate_colors(default) if name not in used), default)
    return {
        key: None if _is_on_by_default(provider.name, number) else _TRUE,
        f"{key}.color": None if color == default else color,
    }


def build_removal(query: Query, provider: Provider[Any], number: int) -> QueryChanges:
    """Return the changes that remove an instance, its parameters and its style."""
    key = format_instance_key(provider.name, number)
    names = [*_list_parameter_keys(provider, key), *(f"{key}.{style}" for style in _STYLES)]
    removed: QueryChanges = {name: None for name in names if name in query}
    return removed | {key: _FALSE if _is_on_by_default(provider.name, number) else None}


def build_reset(query: Query, providers: Providers) -> QueryChanges:
    """Return the changes that restore the instances of a chart without parameters."""
    return {key: None for key in query if is_instance_parameter(key, providers)}


def build_parameter_change(
    provider: Provider[Any], instance_key: str, name: str, value: object
) -> QueryChanges:
    """Return the change that sets a parameter, by its field name; a default is not written."""
    default = get_default_value(provider.params, name)
    text = ",".join(value) if isinstance(value, list | tuple) else str(value)
    return {format_parameter_key(instance_key, name): None if value == default else text}


def build_style_change(
    instance: IndicatorInstance,
    color: str | None = None,
    width: float | None = None,
    is_hidden: bool | None = None,
) -> QueryChanges:
    """Return the changes that set the given parts of a style."""
    changes: QueryChanges = {}
    if color is not None:
        default = _find_default_color(instance.provider, instance.number)
        changes[f"{instance.key}.color"] = None if color == default else color
    if width is not None:
        changes[f"{instance.key}.width"] = None if width == DEFAULT_WIDTH else f"{width:g}"
    if is_hidden is not None:
        changes[f"{instance.key}.hidden"] = _TRUE if is_hidden else None
    return changes


def choose_symbol_colors(
    symbols: Sequence[str], instances: Iterable[IndicatorInstance]
) -> dict[str, str]:
    """Return a CSS color per compared symbol: always the same one, unless a line has it."""
    used = {instance.color for instance in instances if instance.is_drawn}
    colors: dict[str, str] = {}
    for symbol in symbols:
        own = _COLOR_NAMES[crc32(symbol.encode()) % len(_COLOR_NAMES)]
        name = next((name for name in _rotate_colors(own) if name not in used), own)
        used.add(name)
        colors[symbol] = LINE_COLORS[name]
    return colors


def is_instance_parameter(name: str, providers: Providers) -> bool:
    """Return whether a parameter of the address belongs to an instance of these providers."""
    return any(_build_key_pattern(provider).fullmatch(name) for provider in providers.values())


def get_default_value(params: type[Params], name: str) -> object:
    default = params.model_fields[name].default
    return list(default) if isinstance(default, tuple) else default


def _list_numbers(query: Query, name: str) -> list[int]:
    numbers = [1] if _is_switched_on(query, name, is_default=name in ON_BY_DEFAULT) else []
    pattern = re.compile(rf"{name}{_NUMBER}(?:[._].*)?")
    others = {int(match[1]) for key in query if (match := pattern.fullmatch(key))}
    return numbers + sorted(
        number for number in others if _is_switched_on(query, f"{name}.{number}", is_default=True)
    )


def _is_switched_on(query: Query, key: str, *, is_default: bool) -> bool:
    text = _get_text(query, key)
    return is_default if text is None else text.lower() in (_TRUE, "1")


def _is_on_by_default(name: str, number: int) -> bool:
    return number == 1 and name in ON_BY_DEFAULT


def _parse_instance(query: Query, provider: Provider[Any], number: int) -> IndicatorInstance:
    key = format_instance_key(provider.name, number)
    params, errors = _parse_parameters(query, provider, key)
    style_errors: list[str] = []
    color = _parse_color(query, key, provider.name, number, style_errors)
    width = _parse_width(query, key, style_errors)
    return IndicatorInstance(
        provider.name,
        number,
        params,
        color,
        width,
        is_hidden=_is_switched_on(query, f"{key}.hidden", is_default=False),
        error="; ".join([*errors, *style_errors]),
    )


def _parse_parameters(
    query: Query, provider: Provider[Any], key: str
) -> tuple[tuple[tuple[str, object], ...], list[str]]:
    """Return all parameters by alias, and the errors of those that are not valid."""
    fields = provider.params.model_fields
    given = {
        field.alias or name: ",".join(query[parameter])
        for name, field in fields.items()
        if (parameter := format_parameter_key(key, name)) in query
    }
    try:
        return freeze_params(
            provider.parse_params(given).model_dump(by_alias=True, mode="json")
        ), []
    except WrongUse as error:
        values = {
            field.alias or name: _parse_single(
                provider.params, name, given.get(field.alias or name)
            )
            for name, field in fields.items()
        }
        return tuple(values.items()), [str(error).removeprefix(f"{provider.name}: ")]


def _parse_single(params: type[Params], name: str, text: str | None) -> object:
    """Return a valid value of one parameter, or its default."""
    field = params.model_fields[name]
    if text is not None:
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]
            return adapter.validate_python(text)
        except ValidationError:
            pass
    return field.default


def _parse_color(query: Query, key: str, name: str, number: int, errors: list[str]) -> str:
    default = _find_default_color(name, number)
    text = _get_text(query, f"{key}.color")
    if text is None or text in LINE_COLORS:
        return text or default
    errors.append(f"color must be one of {', '.join(LINE_COLORS)}, not {text!r}")
    return default


def _parse_width(query: Query, key: str, errors: list[str]) -> float:
    text = _get_text(query, f"{key}.width")
    if text is None:
        return DEFAULT_WIDTH
    if re.fullmatch(r"[0-9](\.[0-9]{1,2})?", text) and MIN_WIDTH <= float(text) <= MAX_WIDTH:
        return float(text)
    errors.append(f"width must be {MIN_WIDTH:g} to {MAX_WIDTH:g}, not {text!r}")
    return DEFAULT_WIDTH


def _get_text(query: Query, key: str) -> str | None:
    values = query.get(key)
    return values[-1] if values else None


def _find_default_color(name: str, number: int) -> str:
    usual = _USUAL_COLORS.get(name)
    start = _COLOR_NAMES.index(usual) if usual else crc32(name.encode())
    return _COLOR_NAMES[(start + _COLOR_STEP * (number - 1)) % len(_COLOR_NAMES)]


def _rotate_colors(first: str) -> Iterator[str]:
    start = _COLOR_NAMES.index(first)
    yield from (_COLOR_NAMES[start:] + _COLOR_NAMES[:start])


def _list_parameter_keys(provider: Provider[Any], key: str) -> list[str]:
    return [format_parameter_key(key, name) for name in provider.params.model_fields]


def _build_key_pattern(provider: Provider[Any]) -> re.Pattern[str]:
    """Return the pattern of the names that the address contains for instances of a provider."""
    parameters = "".join(f"|_{name.strip('_')}" for name in provider.params.model_fields)
    return re.compile(rf"{provider.name}{_NUMBER}?(?:\.(?:{'|'.join(_STYLES)}){parameters})?")
