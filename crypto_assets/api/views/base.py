"""What all responses share: decimals as plain text, and the envelope `data`."""

from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

T = TypeVar("T")

# Text as the exchange writes its prices: without an exponent, not rounded.
ExactDecimal = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:f}", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["40071.07000000"]}),
]
# A quotient, rounded to ten decimals.
RoundedDecimal = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:.10f}", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["-0.0209311449"]}),
]
EpochMs = Annotated[int, Field(description="Epoch milliseconds.")]


class ResponseView(BaseModel):
    """A model that is built from the attributes and properties of a report."""

    model_config = ConfigDict(from_attributes=True)


class Answer(BaseModel, Generic[T]):
    data: T
