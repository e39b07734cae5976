"""What all answers share: exact decimals as plain text, and the envelope `data`."""

from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

T = TypeVar("T")

# Plain text, as the exchange writes its prices: no exponent, no rounding.
ExactDecimal = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:f}", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["40071.07000000"]}),
]
# What was divided, and has no last digit.
RoundedDecimal = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:.10f}", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["-0.0209311449"]}),
]
EpochMs = Annotated[int, Field(description="Epoch milliseconds.")]


class ResponseView(BaseModel):
    """Read from a report's attributes, properties too."""

    model_config = ConfigDict(from_attributes=True)


class Answer(BaseModel, Generic[T]):
    data: T
