"""Work out one window along one axis: how often it fits, and how a transposed one spreads.

Padding words: `valid` none, `same` so much that the output is ceil(size / stride), `causal` the whole
window before the first element.  Sources:
https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2 , https://arxiv.org/abs/1603.07285
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from conv_magic.arithmetic.axes import Ints, pairs, per_axis
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.model.options import ConvOptions, ConvTransposeOptions, DepthwiseConvOptions, PoolOptions
from conv_magic.model.shapes import Pairs

PaddingOption = str | Sequence[Sequence[int]]
"""A word in any case, or (before, after) for each spatial axis."""

PADDING_WORDS = ("valid", "same", "causal")

SlidingOptions = ConvOptions | DepthwiseConvOptions | PoolOptions
"""The options of the calls whose windows stand on their input."""
WindowOptions = SlidingOptions | ConvTransposeOptions
"""Those and the calls whose windows stand on their output."""


def effective_kernel_size(kernel_size: int, dilation_rate: int = 1) -> int:
    """Return how many elements a dilated kernel spans: (kernel_size - 1) * dilation_rate + 1."""
    return (kernel_size - 1) * dilation_rate + 1


def same_padding(size: int, kernel_size: int, stride: int = 1, dilation_rate: int = 1) -> tuple[int, int]:
    """Return what SAME adds (before, after) an axis; an odd one goes after.

    Source: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    steps = -(-size // stride)
    total = max((steps - 1) * stride + effective_kernel_size(kernel_size, dilation_rate) - size, 0)
    return total // 2, total - total // 2


class Window(NamedTuple):
    """One axis of a kernel or pool; `padding` is a lower-case word or (before, after)."""

    kernel_size: int
    stride: int = 1
    padding: str | tuple[int, int] = "valid"
    dilation_rate: int = 1

    @property
    def span(self) -> int:
        """Return how many elements the window covers."""
        return effective_kernel_size(self.kernel_size, self.dilation_rate)

    @property
    def added(self) -> int | None:
        """Return how many elements padding adds, None if that depends on the input's size."""
        if self.padding == "same":
            return None
        if self.padding == "causal":
            return self.span - 1
        return 0 if isinstance(self.padding, str) else sum(self.padding)

    @property
    def least_size(self) -> int:
        """Return the smallest input that gives an output of at least 1."""
        return 1 if self.added is None else max(self.span - self.added, 1)

    def output_size(self, size: int) -> int:
        """Return how often the window fits; zero or negative if it is larger than its input."""
        if self.added is None:
            return -(-size // self.stride)
        return (size + self.added - self.span) // self.stride + 1

    def transposed_size(self, size: int, output_padding: int | None) -> int:
        """Return the output size of the transposed window, by Keras' rule for TensorFlow.

        VALID makes (size - 1) * stride + span + output_padding, where None stands for max(stride - span, 0);
        SAME makes size * stride, or (size - 1) * stride + span % 2 + output_padding when that is given.
        Source: `keras.layers.Conv2DTranspose`, https://keras.io/api/layers/convolution_layers/convolution2d_transpose/
        """
        if self.added is None:
            if output_padding is None:
                return size * self.stride
            return (size - 1) * self.stride + self.span % 2 + output_padding
        if output_padding is None:
            output_padding = max(self.stride - self.span, 0)
        return (size - 1) * self.stride + self.span - self.added + output_padding


def windows(
    dimensions: int,
    kernel_size: Ints,
    strides: Ints = 1,
    padding: PaddingOption = "valid",
    dilation_rate: Ints = 1,
    *,
    name: str = "kernel_size",
    words: tuple[str, ...] = ("valid", "same"),
) -> tuple[Window, ...]:
    """Return the windows of a call, one for each spatial axis; `words` are the padding words that it takes.

    Raises `ShapeProblem` if an option is outside its range.
    """
    return tuple(
        map(
            Window,
            per_axis(kernel_size, dimensions, name),
            per_axis(strides, dimensions, "strides"),
            _paddings_by_axis(padding, dimensions, words),
            per_axis(dilation_rate, dimensions, "dilation_rate"),
        )
    )


def windows_of(options: WindowOptions) -> tuple[Window, ...]:
    """Return the windows of a recorded call, one for each spatial axis."""
    sizes = kernel_sizes_of(options)
    words = PADDING_WORDS[:2] if isinstance(options, PoolOptions) else PADDING_WORDS
    return windows(len(sizes), sizes, options.strides, options.padding, options.dilation_rate or 1, words=words)


def kernel_sizes_of(options: WindowOptions) -> tuple[int, ...]:
    """Return the `kernel_size` of a convolution, the `pool_size` of a pooling."""
    return options.pool_size if isinstance(options, PoolOptions) else options.kernel_size


def _paddings_by_axis(padding: PaddingOption, dimensions: int, words: tuple[str, ...]) -> tuple[str, ...] | Pairs:
    """Return the padding of each spatial axis; raise `ShapeProblem` (OPTION) for a word that is not among `words`."""
    if not isinstance(padding, str):
        return pairs(padding, dimensions, "padding")
    word = padding.lower()
    if word not in words:
        raise ShapeProblem(f"padding {padding!r} is none of {', '.join(words)}", Reason.OPTION)
    return (word,) * dimensions
