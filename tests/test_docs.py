"""The documentation: links lead somewhere, commands and keys exist, and what exists is described."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import pytest

import trainer.main
from device import capture, config, main, stages
from scripts import options
from vision.heads import HEADS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (ROOT / "docs" / "guide" / f"{name}.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    local = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert not [link for link in local if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_make_knows_what_a_page_tells_one_to_make(page: Path) -> None:
    asked = set(re.findall(r"(?:`|^)(?:[A-Z_]+=\S+ )*make ([a-z]+)", page.read_text(), re.MULTILINE))
    assert asked <= TARGETS


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = [(page.parent / link).resolve() for link in LINK.findall(page.read_text()) if link.endswith(".md") and "://" not in link]
        waiting += [link for link in links if link not in reached and link.exists()]
    assert not {ids(page) for page in PAGES} - {ids(page) for page in reached}


def test_every_command_is_described() -> None:
    page = text_of("commands")
    assert not [name for name in main.COMMANDS if f"`vedette {name}" not in page]
    assert not set(re.findall(r"`vedette ([a-z-]+)", page)) - set(main.COMMANDS)


def test_every_command_of_the_trainer_is_described() -> None:
    page = text_of("commands")
    assert not [name for name in trainer.main.COMMANDS if f"`vedette-trainer {name}" not in page]
    assert not set(re.findall(r"`vedette-trainer ([a-z]+)", page)) - set(trainer.main.COMMANDS)


@pytest.mark.parametrize("command", main.COMMANDS)
def test_every_option_of_a_command_explains_itself(command: str) -> None:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"device.commands.{command.replace('-', '_')}").add_arguments(parser)
    assert not [action.dest for action in parser._actions if not action.help]


def test_exit_codes_are_those_of_the_program() -> None:
    page = text_of("commands")
    assert not [code for code in main.EXIT.values() if f" {code} " not in page.split("Exit codes:")[1]]


def test_every_source_and_stage_is_mentioned() -> None:
    page = text_of("configure")
    assert not [name for name in (*capture.SOURCES, *stages.STAGES) if f"`{name}`" not in page]


def test_every_head_is_described() -> None:
    page = text_of("models")
    assert not [name for name in HEADS if f"| `{name}` |" not in page]


def test_the_options_page_is_what_the_code_says() -> None:
    assert options.PAGE.read_text() == options.rendered(), "run `make options`"


def test_every_option_says_what_it_is() -> None:
    tables = {title: list(options.rows(model)) for title, _, model in options.sections()}
    assert sum(len(rows) for rows in tables.values()) > 60
    assert not [f"{title}: {row}" for title, rows in tables.items() for row in rows if row.endswith("|  |")]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_examples_are_good_configurations(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page, "yaml")):
        example = tmp_path / f"{number}.yaml"
        example.write_text(block)
        assert config.load(example).settings.cameras


def test_a_word_is_in_the_glossary_once_and_in_order() -> None:
    words = re.findall(r"^\| ([a-z][^|]*?) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE | re.IGNORECASE)[1:]
    assert len(words) > 40
    assert words == sorted(words, key=str.casefold)
    assert len(set(words)) == len(words)


def test_decisions_are_numbered_without_holes_and_listed() -> None:
    folder = ROOT / "docs" / "adr"
    found = sorted(path.name for path in folder.glob("0*.md"))
    assert [name[:4] for name in found] == [f"{n:04d}" for n in range(1, len(found) + 1)]
    assert not [name for name in found if name not in (folder / "README.md").read_text()]
    assert not [name for name in found if not (folder / name).read_text().startswith(f"# {name[:4]}: ")]
