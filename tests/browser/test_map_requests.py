"""The requests that the map shows run as they are, in each language and in GraphiQL."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, expect
from support.map_page import WAIT_MS, MapVisit

ENDINGS = {"curl": "sh", "Python": "py", "TypeScript": "mjs"}
"""TypeScript without a type that must be named is JavaScript, which Node.js runs."""
PROGRAMS = {"curl": "sh", "Python": sys.executable, "TypeScript": "node"}


def run(language: str, text: str, folder: Path) -> str:
    """Run a copied text in a folder, and return what it prints."""
    program = shutil.which(PROGRAMS[language])
    assert program, f"{PROGRAMS[language]} is missing"
    script = folder / f"request.{ENDINGS[language]}"
    script.write_text(text)
    done = subprocess.run(
        [program, script.name], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def text_of(dialog: Locator, language: str) -> str:
    """The text of a language's tab."""
    dialog.get_by_role("tab", name=language).click()
    return dialog.get_by_role("tabpanel").locator("code").inner_text()


def test_a_query_runs_in_each_language_and_in_graphiql(visit: MapVisit, tmp_path: Path) -> None:
    visit.open(panel="labels", label="water")
    visit.page.get_by_role("button", name="Show the query").first.click()
    dialog = visit.page.get_by_role("dialog")
    expect(dialog.get_by_role("tab", name="GraphQL")).to_be_visible()
    assert visit.violations() == []
    answers = [json.loads(run(name, text_of(dialog, name), tmp_path)) for name in ENDINGS]
    assert answers[0]["data"]["labelHistogram"]["tiles"] > 0
    assert answers[1] == answers[0] == answers[2]
    with visit.context.expect_page() as opened:
        dialog.get_by_role("link", name="Open in GraphiQL").click()
    graphiql = opened.value
    editor = graphiql.locator(".graphiql-query-editor .view-lines").first
    expect(editor).to_contain_text("LabelHistogram", timeout=WAIT_MS)
    variables = graphiql.locator(".graphiql-editor-tool .view-lines").first
    expect(variables).to_contain_text("bounds", timeout=WAIT_MS)
    graphiql.get_by_role("button", name="Execute query").click()
    answer = graphiql.locator(".graphiql-response .view-lines")
    expect(answer).to_contain_text("areaKm2", timeout=WAIT_MS)
    visit.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_picture_is_classified_and_its_request_runs(visit: MapVisit, tmp_path: Path) -> None:
    picture = tmp_path / "it's a chip.png"
    Image.new("RGB", (64, 64), (30, 80, 40)).save(picture)
    visit.expected = ["422"]
    visit.open(panel="picture")
    visit.page.get_by_label("Choose a picture").set_input_files(picture)
    rows = visit.page.get_by_role("table", name="Scores of the picture").get_by_role("row")
    shown = rows.nth(1).get_by_role("rowheader")
    expect(shown).to_be_visible()
    assert visit.violations() == []
    best = shown.inner_text()
    visit.page.get_by_role("slider", name="Cutoff").fill("0")
    visit.page.get_by_role("button", name="Show the request").click()
    dialog = visit.page.get_by_role("dialog")
    for language in ENDINGS:
        answer = json.loads(run(language, text_of(dialog, language), tmp_path))
        assert answer["scores"][0]["label"] == best
    visit.page.keyboard.press("Escape")
    # No picture: told, and what was known of the last one is gone.
    (tmp_path / "notes.png").write_text("no picture")
    visit.page.get_by_label("Choose a picture").set_input_files(tmp_path / "notes.png")
    expect(visit.page.get_by_role("alert")).to_contain_text("no picture that can be read")
    expect(rows).to_have_count(0)


def test_a_picture_is_dropped_anywhere(visit: MapVisit) -> None:
    visit.open(panel="labels")
    visit.page.evaluate(
        """async () => {
          const canvas = new OffscreenCanvas(8, 8);
          canvas.getContext('2d').fillRect(0, 0, 8, 8);
          const data = new DataTransfer();
          data.items.add(new File([await canvas.convertToBlob()], 'dropped.png'));
          for (const name of ['dragover', 'drop'])
            document.querySelector('#map').dispatchEvent(
              new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(visit.page.get_by_text("dropped.png")).to_be_visible()
    expect(visit.page.get_by_role("table", name="Scores of the picture")).to_be_visible()
    assert visit.address()["panel"] == "picture"
