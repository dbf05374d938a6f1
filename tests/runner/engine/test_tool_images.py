"""The images in which the service's own programs run, where those of the settings are missing."""

import asyncio
from pathlib import Path

import pytest

from pool import EngineError, Folder, ImageMissingError
from runner.engine.own_image import LABEL
from runner.engine.tool_files import LAUNCHER, RUBY
from runner.engine.tool_images import ChosenImage, Source, ToolImages, tools_named
from tests.fakes import FakeEngine

ID = "1f" * 32
RUBY_IMAGE = "dojo-runner/ruby:latest"
LAUNCHER_IMAGE = "dojo-runner/launcher:latest"
TOOLS = tools_named(ruby_image=RUBY_IMAGE, launcher_image=LAUNCHER_IMAGE)
OWN = "sha256:0w"


@pytest.fixture
def engine() -> FakeEngine:
    """An engine on which this process's container was made of an image of the service."""
    engine = FakeEngine()
    engine.images.made_of[ID] = (OWN, dict([LABEL]))
    return engine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file system that looks like that of the service's image."""
    for path in (LAUNCHER.program, "waits", RUBY.program, "usr/lib/ruby/set.rb"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


async def test_an_image_that_is_here_is_used(engine: FakeEngine) -> None:
    """What the settings name goes before the service's own image."""
    image_id = engine.images.add(RUBY_IMAGE).image_id
    images = ToolImages(engine.images, ID, TOOLS)

    assert (await images.image(RUBY_IMAGE)).image_id == image_id
    assert images.chosen == {RUBY_IMAGE: ChosenImage(image_id, Source.NAMED)}


async def test_the_own_image_stands_in(engine: FakeEngine, root: Path) -> None:
    """Where the named image is missing the service's own is used, and that can be seen."""
    images = ToolImages(engine.images, ID, TOOLS, [root])

    assert (await images.image(RUBY_IMAGE)).image_id == OWN
    assert images.chosen == {RUBY_IMAGE: ChosenImage(OWN, Source.OWN)}
    assert engine.images.loads == []


@pytest.mark.parametrize("case", ["no container", "another engine's", "another program's"])
async def test_without_any_it_is_missing(engine: FakeEngine, case: str) -> None:
    """Only an image of this service stands in; else the error names what is missing."""
    if case == "another engine's":
        engine.images.made_of.clear()
    if case == "another program's":
        engine.images.made_of[ID] = (OWN, {LABEL[0]: "somebody else's"})
    images = ToolImages(engine.images, None if case == "no container" else ID, TOOLS, [])

    with pytest.raises(ImageMissingError, match=RUBY_IMAGE):
        await images.image(RUBY_IMAGE)
    assert images.chosen == {}


async def test_an_engine_that_fails_is_no_missing_image(engine: FakeEngine) -> None:
    """An error of the engine is told as that."""
    engine.images.bugs["image_of_container"] = EngineError("inspect", "no answer")

    with pytest.raises(EngineError, match="no answer"):
        await ToolImages(engine.images, ID, TOOLS).image(RUBY_IMAGE)


async def test_files_are_loaded_onto_an_engine_that_has_no_image(
    engine: FakeEngine, root: Path
) -> None:
    """A remote engine, or a sidecar, gets the files of this machine, each tool once."""
    images = ToolImages(engine.images, None, TOOLS, [root])

    asked = (RUBY_IMAGE, LAUNCHER_IMAGE, RUBY_IMAGE, LAUNCHER_IMAGE)
    await asyncio.gather(*(images.image(name) for name in asked))

    assert {name: one.source for name, one in images.chosen.items()} == {
        RUBY_IMAGE: Source.LOADED,
        LAUNCHER_IMAGE: Source.LOADED,
    }
    ruby, launcher = sorted(engine.images.loads, reverse=True)
    assert ruby.startswith("dojo-runner/ruby:")
    assert engine.images.on_node[ruby].files.keys() == {"/usr/bin/ruby", "/usr/lib/ruby/set.rb"}
    assert launcher.startswith("dojo-runner/launcher:")
    assert engine.images.on_node[launcher].files.keys() == {"/.dojo/cells", "/waits"}


async def test_files_that_are_loaded_already_are_not_loaded_again(
    engine: FakeEngine, root: Path
) -> None:
    """The next process finds the image by its name, unless the files are others."""
    await ToolImages(engine.images, None, TOOLS, [root]).image(LAUNCHER_IMAGE)
    await ToolImages(engine.images, None, TOOLS, [root]).image(LAUNCHER_IMAGE)
    assert len(engine.images.loads) == 1

    (root / "waits").write_text("a newer version")
    await ToolImages(engine.images, None, TOOLS, [root]).image(LAUNCHER_IMAGE)
    assert len(set(engine.images.loads)) == 2


async def test_what_was_loaded_and_has_gone_is_loaded_again(engine: FakeEngine, root: Path) -> None:
    """Somebody removes the image; or the named image comes, and goes before all others."""
    images = ToolImages(engine.images, None, TOOLS, [root])
    await images.image(LAUNCHER_IMAGE)
    engine.images.remove(engine.images.loads[0])
    await images.image(LAUNCHER_IMAGE)
    assert len(engine.images.loads) == 2

    named = engine.images.add(LAUNCHER_IMAGE)
    assert (await images.image(LAUNCHER_IMAGE)).image_id == named.image_id


async def test_one_image_for_both_tools(engine: FakeEngine, root: Path) -> None:
    """Where the settings name one image for both, what takes its place has the files of both."""
    tools = tools_named(ruby_image="all:1", launcher_image="all:1")
    await ToolImages(engine.images, None, tools, [root]).image("all:1")

    (loaded,) = engine.images.loads
    assert {"/usr/bin/ruby", "/.dojo/cells"} <= engine.images.on_node[loaded].files.keys()


@pytest.mark.parametrize("case", ["the engine refuses", "the files cannot be packed"])
async def test_a_load_that_fails_is_not_tried_again_at_once(
    engine: FakeEngine, root: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """The image is missing then, and the next load waits."""
    if case == "the engine refuses":
        engine.images.bugs["load"] = EngineError("load", "403 forbidden", status=403)
    else:
        monkeypatch.setenv("PATH", "/nowhere")
    images = ToolImages(engine.images, None, TOOLS, [root])

    for _ in range(3):
        with pytest.raises(ImageMissingError, match=LAUNCHER_IMAGE):
            await images.image(LAUNCHER_IMAGE)

    assert len(engine.images.loads) <= 1


async def test_files_are_tried_again_after_a_pause(
    engine: FakeEngine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that refuses for a moment gets the files later."""
    monkeypatch.setattr("runner.engine.tool_images._FIRST_PAUSE_S", 0.0)
    engine.images.bugs["load"] = EngineError("load", "disk full", status=500)
    images = ToolImages(engine.images, None, TOOLS, [root])

    with pytest.raises(ImageMissingError):
        await images.image(LAUNCHER_IMAGE)
    await images.image(LAUNCHER_IMAGE)

    assert len(engine.images.loads) == 2


@pytest.mark.parametrize("folder", RUBY.folders)
async def test_ruby_is_found_in_some_image(engine: FakeEngine, folder: str) -> None:
    """Without files of its own the service takes any image with Ruby; there is no such launcher."""
    engine.images.add("gcc:1")
    image_id = engine.images.add("kata/minitest:1", {folder: Folder.FILLED}).image_id
    images = ToolImages(engine.images, None, TOOLS, [])

    assert (await images.image(RUBY_IMAGE)).image_id == image_id
    assert images.chosen == {RUBY_IMAGE: ChosenImage(image_id, Source.FOUND)}
    with pytest.raises(ImageMissingError):
        await images.image(LAUNCHER_IMAGE)


async def test_an_engine_that_does_not_tell_of_its_images(engine: FakeEngine) -> None:
    """The image that was asked for is what is missing; that is the error."""
    engine.images.bugs["names"] = EngineError("list images", "forbidden", status=403)

    with pytest.raises(ImageMissingError, match=RUBY_IMAGE):
        await ToolImages(engine.images, None, TOOLS, []).image(RUBY_IMAGE)


async def test_the_old_service_goes_before_other_images_with_ruby(engine: FakeEngine) -> None:
    """Where the Ruby runner ran before, its image is there, and its authors are known."""
    for name in ("a-kata/minitest:1", "cyberdojo/runner:2", "ruby:3"):
        engine.images.add(name, {"/usr/local/lib/ruby": Folder.FILLED})

    found = await ToolImages(engine.images, None, TOOLS, []).image(RUBY_IMAGE)

    assert found.image_id == engine.images.on_node["cyberdojo/runner:2"].image_id


async def test_an_image_without_ruby_is_looked_into_once(engine: FakeEngine) -> None:
    """Each try asks which images there are, and looks only into those that are new."""
    engine.images.add("gcc:1")
    images = ToolImages(engine.images, None, TOOLS, [])
    for _ in range(3):
        with pytest.raises(ImageMissingError):
            await images.image(RUBY_IMAGE)
    assert len(engine.images.reads) == 1

    engine.images.add("ruby:3", {"/usr/local/lib/ruby": Folder.FILLED})
    assert (await images.image(RUBY_IMAGE)).image_id == engine.images.on_node["ruby:3"].image_id
    assert len(engine.images.reads) == 2
