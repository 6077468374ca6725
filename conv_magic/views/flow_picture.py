"""The flow of shapes drawn: blocks as high as the image and as wide as the channels, both on logarithmic scales.

They are drawn as solids, as convolutional networks are in papers; the depth tells images from vectors and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log2

from conv_magic.model.options import SameShapeOptions
from conv_magic.model.shapes import Shape
from conv_magic.views.flow import Flow, FlowLink, FlowNode
from conv_magic.views.ink import Ink, Path, Rect, Scene, Text, figure, hatching
from conv_magic.views.wording import shape_text

LEAST_HEIGHT, MORE_HEIGHT = 12.0, 84.0
LEAST_WIDTH, WIDTH_A_DOUBLING = 5.0, 4.6
SLOT, NARROW_SLOT, NARROW = 96.0, 26.0, 7.0
LANE, LABELS, TOP, ARCS = 10.0, 50.0, 38.0, 18.0
DEPTH, DEPTH_OF_HEIGHT = 3.0, 0.13
LONGEST_NAME = 12
_MARKS = {"failed": "✗", "inside": "↳", "warning": "!", "running": "…"}
_ROLES = {"failed": "excess", "inside": "missing", "running": "missing", "warning": "lost", "ok": "output"}


@dataclass(frozen=True, slots=True)
class Block:
    """Where a node lies; `x` and `y` are its upper left corner."""

    node: FlowNode
    x: float
    y: float
    width: float
    height: float
    depth: float

    @property
    def middle(self) -> float:
        """Half its height."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class FlowPicture:
    """The scene, the block of each node, and the same in words."""

    scene: Scene
    blocks: tuple[Block, ...]
    words: str


def flow_picture(flow: Flow) -> FlowPicture:
    """Draw a flow."""
    lanes = _lanes(flow)
    blocks = _blocks(flow, lanes)
    links = [ink for link in flow.links for ink in _link(link, blocks, lanes)]
    inks = [*links, *(ink for block in blocks for ink in _block(block))]
    width = max(block.x + max(block.width, SLOT / 2) for block in blocks) + 24
    height = max(block.node.track for block in blocks)
    bottom = max(_track_middle(track, lanes) for track in range(height + 1)) + (LEAST_HEIGHT + MORE_HEIGHT) / 2 + LABELS
    return FlowPicture(Scene(width, bottom, tuple(inks)), tuple(blocks), flow_words(flow))


def is_narrow(node: FlowNode) -> bool:
    """Whether a node is a layer that keeps every shape: an activation, a normalisation."""
    return node.call is not None and node.status == "ok" and isinstance(node.call.options, SameShapeOptions)


def spatial_size(shape: Shape) -> int | None:
    """Return the size along the first spatial axis; None where there is none or it is unknown."""
    return shape[1] if len(shape) > 2 else None


def _blocks(flow: Flow, lanes: dict[FlowLink, int]) -> list[Block]:
    largest = max((spatial_size(node.shape) or 1 for node in flow.nodes), default=1)
    starts = _starts(flow)
    blocks = []
    for node in flow.nodes:
        start, slot = starts[node.column]
        width, height = _width(node), _height(node, largest)
        middle = _track_middle(node.track, lanes, flow)
        blocks.append(Block(node, start + (slot - width) / 2, middle - height / 2, width, height, _depth(node, height)))
    return blocks


def _starts(flow: Flow) -> dict[int, tuple[float, float]]:
    """Where each column begins, and how wide it is: narrow where all its nodes keep the shape."""
    starts: dict[int, tuple[float, float]] = {}
    x = 0.0
    last = max(node.column for node in flow.nodes)
    for column in range(last + 1):
        members = [node for node in flow.nodes if node.column == column]
        slot = NARROW_SLOT if members and all(map(is_narrow, members)) else SLOT if members else SLOT / 2
        starts[column] = (x, slot)
        x += slot
    return starts


def _height(node: FlowNode, largest: int) -> float:
    size = spatial_size(node.shape)
    if len(node.shape) <= 2:
        return LEAST_HEIGHT
    if size is None or size < 1:
        return LEAST_HEIGHT + MORE_HEIGHT / 2
    return LEAST_HEIGHT + MORE_HEIGHT * log2(size + 1) / log2(largest + 1)


def _depth(node: FlowNode, height: float) -> float:
    """How far the solid goes back: an image more than a sequence, or a vector."""
    return DEPTH_OF_HEIGHT * height if len(node.shape) > 3 else DEPTH


def _width(node: FlowNode) -> float:
    if is_narrow(node):
        return NARROW
    channels = node.shape[-1] if node.shape else None
    return LEAST_WIDTH + WIDTH_A_DOUBLING * log2((channels or 1) + 1)


def _track_middle(track: int, lanes: dict[FlowLink, int], flow: Flow | None = None) -> float:
    """Return the height at which a track's blocks are centred; room for the arcs lies above the first."""
    above = TOP + LANE * (max(lanes.values(), default=-1) + 1)
    return above + (LEAST_HEIGHT + MORE_HEIGHT) / 2 + track * (LEAST_HEIGHT + MORE_HEIGHT + LABELS + TOP)


def _lanes(flow: Flow) -> dict[FlowLink, int]:
    """Return the links that are arcs because blocks are in their way, each with a lane that no other arc uses."""
    arcs = [link for link in flow.links if _is_blocked(link, flow.nodes)]
    lanes: dict[FlowLink, int] = {}
    for link in sorted(arcs, key=lambda link: _reach(link, flow.nodes)):
        start, end = flow.nodes[link.source].column, flow.nodes[link.target].column
        used = {
            lane
            for other, lane in lanes.items()
            if flow.nodes[other.source].column < end and start < flow.nodes[other.target].column
        }
        lanes[link] = next(lane for lane in range(len(arcs)) if lane not in used)
    return lanes


def _reach(link: FlowLink, nodes: Sequence[FlowNode]) -> tuple[int, int]:
    source, target = nodes[link.source], nodes[link.target]
    return target.column - source.column, source.column


def _is_blocked(link: FlowLink, nodes: Sequence[FlowNode]) -> bool:
    """Whether a block lies on the straight way, along the lower of both tracks."""
    source, target = nodes[link.source], nodes[link.target]
    track = max(source.track, target.track)
    return any(node.track == track and source.column < node.column < target.column for node in nodes)


def _link(link: FlowLink, blocks: Sequence[Block], lanes: dict[FlowLink, int]) -> Iterator[Ink]:
    source, target = blocks[link.source], blocks[link.target]
    role = "bad" if target.node.status == "failed" else "flow"
    if link in lanes:
        y = ARCS + LANE * (max(lanes.values()) - lanes[link]) - 4
        yield Path(role, _arc(source, target, y))
        return
    x, x2 = source.x + source.width + source.depth / 2, target.x
    yield Path(role, _curve(x, source.middle, x2, target.middle, down=target.node.track > source.node.track))
    change = change_text(source.node.shape, target.node.shape)
    if change and target.node.status != "failed" and target.node.column - source.node.column == 1:
        drop = target.node.track - source.node.track  # on a bend the label stands at its lower end, clear of the curve
        at = (x + x2) / 2 if drop == 0 else x2 - 16 if drop > 0 else x + 18
        yield Text("change", at, max(source.middle, target.middle) + (14 if drop > 0 else -6), change)


def _curve(x: float, y: float, x2: float, y2: float, *, down: bool) -> str:
    """Draw a straight line; between tracks a bend near the end where the tracks part."""
    start = f"M{figure(x)} {figure(y)}"
    if abs(y - y2) < 0.5:
        return f"{start}L{figure(x2)} {figure(y2)}"
    near = min((x2 - x) / 2, 30.0)
    middle = x + near if down else x2 - near
    to = x2 if not down else min(x + 2 * near, x2)
    begin = x if down else max(x2 - 2 * near, x)
    curve = f"C{figure(middle)} {figure(y)} {figure(middle)} {figure(y2)} {figure(to)} {figure(y2)}"
    return f"{start}L{figure(begin)} {figure(y)}{curve}L{figure(x2)} {figure(y2)}"


def _arc(source: Block, target: Block, y: float) -> str:
    """Up, across and down again, with round corners."""
    x, x2 = source.x + source.width / 2 + 4, target.x + target.width / 2 - 4
    across = f"H{figure(x2 - 6)}q6 0 6 6V{figure(target.y)}"
    return f"M{figure(x)} {figure(source.y)}V{figure(y + 6)}q0 -6 6 -6{across}"


def change_text(before: Shape, after: Shape) -> str:
    """`÷2`, `29→15`, `−2`, `×2`, `+1`: how the first spatial size changes; `flat` where it ends."""
    old, new = spatial_size(before), spatial_size(after)
    if len(before) > 2 and len(after) <= 2:
        return "flat"
    if old is None or new is None or old == new or old < 1 or new < 1:
        return ""
    if old > new:
        return f"÷{old // new}" if old % new == 0 else f"{old}→{new}" if old - new > 9 else f"−{old - new}"
    return f"×{new // old}" if new % old == 0 else f"{old}→{new}" if new - old > 9 else f"+{new - old}"


def _block(block: Block) -> Iterator[Ink]:
    node = block.node
    role = "input" if node.call is None or is_narrow(node) else _ROLES[node.status]
    yield from _faces(block)
    yield Rect(role, block.x, block.y, block.width, block.height)
    if role in ("excess", "lost"):
        yield Path(f"{role}-hatch", hatching(block.x, block.y, block.width, block.height))
    centre = block.x + block.width / 2
    marks = [_MARKS.get(node.status, ""), "◆" if node.origin else ""]
    if any(marks):
        x, y = block.x + block.width + block.depth + 6, block.y - block.depth + 4
        yield Text("error" if marks[0] else "size", x, y, " ".join(filter(None, marks)), "start")
    if is_narrow(node):
        return
    foot = block.middle + (LEAST_HEIGHT + MORE_HEIGHT) / 2
    strong = "error" if node.status == "failed" else "size"
    for number, text in enumerate(block_lines(node)):
        yield Text("label" if number else strong, centre, foot + 13 + 13 * number, text)


def _faces(block: Block) -> Iterator[Ink]:
    """Draw the top and the side of the solid."""
    x, y, width, height, depth = block.x, block.y, block.width, block.height, block.depth
    back, down = f"l{figure(depth)} {figure(-depth)}", f"l{figure(-depth)} {figure(depth)}"
    yield Path("top", f"M{figure(x)} {figure(y)}{back}h{figure(width)}{down}z")
    yield Path("side", f"M{figure(x + width)} {figure(y)}{back}v{figure(height)}{down}z")


def block_lines(node: FlowNode) -> list[str]:
    """Write the name, the shape without its batch, and the receptive field."""
    shape = "×".join("?" if size is None else str(size) for size in node.shape[1:])
    if node.call is None:
        return ["input", shape]
    times = f" ×{node.call.count}" if node.call.count > 1 else ""
    name = node.call.layer or node.call.op
    folded = f"▣ {name}" if node.folded else name
    made = "no output" if node.status in ("failed", "inside", "running") and node.call.output is None else shape
    field = node.call.cost.receptive_field
    sees = [f"sees {'×'.join(map(str, field))}"] if field and node.status == "ok" else []
    return [shortened(folded, LONGEST_NAME - len(times)) + times, made, *sees]


def shortened(name: str, most: int) -> str:
    """Shorten a name in the middle, as `max_po…ing2d_2`: its end tells it from others."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[len(name) - end :]}"


def flow_words(flow: Flow) -> str:
    """One or two sentences: from where to where, where it shrinks, what fails."""
    calls = [node for node in flow.nodes if node.call is not None]
    first, last = flow.nodes[0], calls[-1]
    parts = [f"{len(calls)} calls, from {shape_text(first.shape)} to {shape_text(last.shape)}"]
    changes = [
        f"{spatial_size(a.shape)} → {spatial_size(b.shape)} at {_name(b)}"
        for a, b in ((flow.nodes[link.source], flow.nodes[link.target]) for link in flow.links)
        if (spatial_size(a.shape) or 0) > (spatial_size(b.shape) or 0) > 0 and b.status != "failed"
    ]
    if changes:
        more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
        parts.append(f"smaller: {', '.join(dict.fromkeys(changes[:4]))}{more}")
    failing = [_name(node) for node in calls if node.status == "failed"]
    if failing:
        parts.append(f"{failing[0]} fails")
    if flow.hidden:
        parts.append(f"{flow.hidden} more are not drawn")
    return "; ".join(parts)


def _name(node: FlowNode) -> str:
    return "the input" if node.call is None else node.call.layer or node.call.op
