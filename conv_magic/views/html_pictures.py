"""The pictures of the static page: the arithmetic of a call, and the flow of shapes; the sentences stand below."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import Document
from conv_magic.views.flow import flow_of
from conv_magic.views.flow_picture import flow_picture
from conv_magic.views.ink import to_svg
from conv_magic.views.picture import picture_of
from conv_magic.views.wording import one_line


def arithmetic_picture(document: Document, diagnosis: Diagnosis) -> list[Element]:
    """Draw the arithmetic of a call that failed; nothing where there is none to draw."""
    if diagnosis.severity is not Severity.ERROR:
        return []
    call = graph_of(document.trace).numbered(diagnosis.call)
    picture = picture_of(call) if call is not None else None
    if picture is None:
        return []
    return [_pictured("picture", to_svg(picture.scene, "; ".join(picture.words)), picture.words)]


def flow_pictures(document: Document) -> list[Element]:
    """Draw the flow; nothing where no calls follow each other."""
    flow = flow_of(document)
    if flow is None:
        return []
    picture = flow_picture(flow)
    return [_pictured("flow", to_svg(picture.scene, picture.words), (picture.words,))]


def _pictured(kind: str, svg: Element, words: tuple[str, ...]) -> Element:
    """Put the sentences last, so that a page which strips pictures still reads well."""
    made = Element("div", {"class": kind})
    made.append(svg)
    for sentence in words:
        SubElement(made, "p").text = one_line(sentence)
    return made
