"""Arrays of doubles as text, which a browser decodes without parsing numbers."""

import base64

import numpy as np
from numpy.typing import ArrayLike


def encode_floats(values: ArrayLike) -> str:
    """Return little-endian doubles in Base64."""
    return base64.b64encode(np.asarray(values, "<f8").tobytes()).decode()


def decode_floats(text: str) -> np.ndarray:
    """Return the array of `encode_floats`."""
    return np.frombuffer(base64.b64decode(text), "<f8")
