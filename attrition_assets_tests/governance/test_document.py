"""What somebody wrote is shown as text, in Markdown and on a page that loads nothing."""

from attrition_assets.governance.document import (
    Bullets,
    Document,
    Picture,
    Section,
    Table,
    render_markdown,
    render_page,
)

MEAN = "<script>alert(1)</script> | ![x](http://elsewhere/x.png)\n# *bold*"
DOCUMENT = Document(
    title="A title",
    subtitle="and more",
    sections=(
        Section(
            title="Words",
            blocks=(
                "Say `attrition card`.",
                Bullets(points=(MEAN, "second")),
                Picture(title="A <picture>", png=b"\x89PNG"),
                Table(header=("who", "why"), rows=(("Ada", MEAN), ("Bob", "-")), marks=("", "")),
            ),
        ),
    ),
)


def test_markdown_has_the_words_and_tables_and_no_markup_of_others() -> None:
    text = render_markdown(DOCUMENT)
    assert text.startswith("# A title\n\nand more\n\n## Words\n\nSay `attrition card`.\n\n- ")
    said = r"&lt;script>alert(1)&lt;/script> | ![x]\(http://elsewhere/x.png) # \*bold\*"
    assert f"- {said}\n- second" in text
    assert "| Ada | " + said.replace(" | ", r" \| ") + " |\n| Bob | - |\n" in text
    assert "picture" not in text


def test_the_page_has_its_pictures_inside_and_loads_nothing() -> None:
    page = render_page(DOCUMENT)
    assert '<img src="data:image/png;base64,iVBORw==" alt="A &lt;picture&gt;">' in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page.count("&lt;script&gt;alert(1)") == 2
    assert "<p>Say <code>attrition card</code>.</p>" in page
    assert '<th scope="row">Ada</th>' in page
