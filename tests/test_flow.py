"""The flow of shapes: what follows what, where it stands, and that it stays small."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import tostring

from conv_magic.model.calls import CallRecord, Mode
from conv_magic.model.document import Document
from conv_magic.model.shapes import Shape
from conv_magic.views.flow import MOST_NODES, MOST_TRACKS, flow_of
from conv_magic.views.flow_picture import change_text, flow_picture
from conv_magic.views.html import to_html
from conv_magic.views.ink import to_svg
from sample_documents import call, conv, document, guarded, source, wrong_channels

IMAGE: Shape = (None, 32, 32, 8)


def made(index: int, *producers: int | None) -> CallRecord:
    """A convolution of what those calls gave."""
    record = call(index, "Conv2D", (IMAGE,) * len(producers), IMAGE, IMAGE, layer=f"conv_{index}", options=conv(3, 8))
    return replace(record, producers=producers)


def run_of(*calls: CallRecord) -> Document:
    return document((source("x\n"),), calls)


def test_columns_are_the_longest_way_and_branches_stand_side_by_side() -> None:
    flow = flow_of(run_of(made(0, None), made(1, 0), made(2, 1), made(3, 0), made(4, 2, 3)))
    assert flow is not None
    places = {node.call.index: (node.column, node.track) for node in flow.nodes if node.call}
    assert places == {0: (1, 0), 1: (2, 0), 2: (3, 0), 3: (2, 1), 4: (4, 0)}


def test_a_chain_of_thousands_is_cut_and_says_so() -> None:
    calls = [made(0, None), *(made(index, index - 1) for index in range(1, 3000))]
    flow = flow_of(run_of(*calls))
    assert flow is not None
    assert len(flow.nodes) == MOST_NODES
    assert flow.hidden == 3001 - MOST_NODES
    picture = flow_picture(flow)
    assert picture.words.endswith(f"{flow.hidden} more are not drawn")
    assert len(tostring(to_svg(picture.scene, picture.words))) < 40_000


def test_what_fails_is_among_what_is_kept() -> None:
    calls = [made(0, None), *(made(index, index - 1) for index in range(1, 500))]
    [fault] = wrong_channels().diagnoses
    flow = flow_of(replace(run_of(*calls), diagnoses=(replace(fault, call=450, origin=None),)))
    assert flow is not None
    assert [node.call.index for node in flow.nodes if node.call and node.status == "failed"] == [450]


def test_a_fan_is_bounded_in_height() -> None:
    calls = [made(0, None), *(made(index, 0) for index in range(1, 30))]
    flow = flow_of(run_of(*calls))
    assert flow is not None
    assert max(node.track for node in flow.nodes) == MOST_TRACKS - 1
    assert flow.hidden == 31 - len(flow.nodes)


def test_calls_on_inputs_of_one_shape_are_not_taken_for_a_fan_when_they_are_many() -> None:
    assert flow_of(run_of(*(made(index, None) for index in range(3)))) is not None
    assert flow_of(run_of(*(made(index, None) for index in range(20)))) is None


def test_a_model_that_is_all_there_is_is_opened_and_stays_folded_beside_others() -> None:
    whole = replace(made(0, None), mode=Mode.EAGER, options=None)
    inner = replace(made(1, None), parent=0)
    alone = flow_of(run_of(whole, inner, replace(made(2, 1), parent=0)))
    assert alone is not None
    assert [node.call.index for node in alone.nodes if node.call] == [1, 2]
    beside = flow_of(run_of(whole, inner, made(2, 0)))
    assert beside is not None
    assert [node.folded for node in beside.nodes if node.call] == [1, 0]


def test_a_call_that_has_not_ended_has_not_failed() -> None:
    open_call = replace(made(1, 0), outcome=type(made(0).outcome).ENTERED, output=None)
    running = flow_of(replace(run_of(made(0, None), open_call), running=True))
    assert running is not None
    assert [node.status for node in running.nodes if node.call] == ["ok", "running"]


def test_changes_of_size_are_exact() -> None:
    said = [change_text((None, a, a, 1), (None, b, b, 1)) for a, b in ((28, 14), (29, 15), (28, 26), (14, 28), (7, 7))]
    assert said == ["÷2", "29→15", "−2", "×2", ""]


def test_the_static_page_shows_what_does_not_fit_and_the_flow() -> None:
    page = to_html(wrong_channels())
    assert "the input has 6 channels, the kernel reads 3: 3 too many" in page
    assert "batch missing" in to_html(guarded())
    assert "<svg" in page


def test_names_in_a_flow_are_text() -> None:
    wild = "</title><script>alert(1)</script>\x1b"
    flow = flow_of(run_of(replace(made(0, None), layer=wild), replace(made(1, 0), layer=wild)))
    assert flow is not None
    picture = flow_picture(flow)
    written = tostring(to_svg(picture.scene, picture.words), encoding="unicode", method="html")
    assert "<script" not in written
    assert "\x1b" not in written
