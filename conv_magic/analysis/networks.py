"""Recognise the ready-made networks of `keras.applications` by their names (https://keras.io/api/applications/)."""

from __future__ import annotations

import re

_NAME = re.compile(r"(VGG|ResNet|MobileNet|DenseNet|EfficientNet|Inception|Xception|NASNet|ConvNeXt|RegNet)\w*$")


def is_network(name: str) -> bool:
    """Check whether a called name is that of a ready-made network."""
    return _NAME.match(name) is not None
