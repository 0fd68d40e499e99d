"""A document of sections, as Markdown or as a page: what the model card and the datasheet are.

Strings in, text out; everything is escaped here, but for `backticks`, which set code. What a
document says is for `model_card` and `datasheet`.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from html import escape

from attrition_assets.monitoring.report_page import STYLE, Row, render_table
from attrition_assets.values import Value

# Nothing is fetched and nothing runs, whatever somebody wrote into a reason.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
.verdict p, .verdict ul { max-width: 52rem; }
.verdict li { margin: .2rem 0; }
.verdict .scroll { margin: 1rem 0; }
.verdict tbody th { min-width: 6rem; }
.verdict figure { margin: 1rem 0; }
.verdict code { background: #f2f2f2; padding: 0 .2rem; }
"""


class Bullets(Value):
    """A list of points."""

    points: tuple[str, ...]


class Table(Value):
    """Rows of cells under a header; `marks` are the rows' classes on a page: `alarm`, `unknown`."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[str, ...] = ()


class Picture(Value):
    """A PNG, and what it shows in words. Markdown leaves it out."""

    title: str
    png: bytes


Block = str | Bullets | Table | Picture


class Section(Value):
    """A heading and what stands under it, in order: paragraphs, lists, tables, pictures."""

    title: str
    blocks: tuple[Block, ...]


class Document(Value):
    """A title, a line under it, and sections."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


def render_markdown(document: Document) -> str:
    """The document as Markdown, without its pictures."""
    return "\n\n".join(_write_parts(document)) + "\n"


def render_page(document: Document) -> str:
    """The document as one standalone HTML page that works offline, its pictures inside."""
    sections = "\n".join(_render_section(each) for each in document.sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="UTF-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1.0">\n'
        f"<title>{escape(document.title)}</title>\n<style>body {{ margin: 0; }}{STYLE}{_STYLE}"
        '</style>\n</head>\n<body>\n<main class="verdict">\n'
        f"<h1><small>{escape(document.subtitle)}</small>{escape(document.title)}</h1>\n"
        f"{sections}\n</main>\n</body>\n</html>\n"
    )


def to_table(table: Table) -> str:
    """A table as Markdown."""
    lines = [table.header, ("---",) * len(table.header), *table.rows]
    return "\n".join(
        "| " + " | ".join(_to_text(cell).replace("|", r"\|") for cell in line) + " |"
        for line in lines
    )


def _write_parts(document: Document) -> Iterator[str]:
    yield f"# {_to_text(document.title)}"
    yield _to_text(document.subtitle)
    for section in document.sections:
        yield f"## {_to_text(section.title)}"
        for block in section.blocks:
            if isinstance(block, str):
                yield _to_text(block)
            elif isinstance(block, Bullets):
                yield "\n".join(f"- {_to_text(point)}" for point in block.points)
            elif isinstance(block, Table):
                yield to_table(block)


def _to_text(text: str) -> str:
    """One line in which nothing is markup but code: no tag, no emphasis, no link, no picture."""
    escaped = " ".join(text.split()).replace("<", "&lt;").replace("*", r"\*")
    return escaped.replace("](", r"]\(")


def _render_section(section: Section) -> str:
    blocks = "\n".join(_render_block(block, section.title) for block in section.blocks)
    return f"<h2>{escape(section.title)}</h2>\n{blocks}"


def _render_block(block: Block, label: str) -> str:
    if isinstance(block, str):
        return f"<p>{_to_html(block)}</p>"
    if isinstance(block, Bullets):
        return f"<ul>{''.join(f'<li>{_to_html(point)}</li>' for point in block.points)}</ul>"
    if isinstance(block, Picture):
        source = f"data:image/png;base64,{b64encode(block.png).decode()}"
        title = escape(block.title)
        return (
            f'<figure><img src="{source}" alt="{title}"><figcaption>{title}</figcaption></figure>'
        )
    marks = block.marks or ("",) * len(block.rows)
    rows = [Row(cells, mark) for cells, mark in zip(block.rows, marks, strict=True)]
    return render_table(label, block.header, rows)


def _to_html(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
