"""A version's manifest follows its files; what others call a manifest stays as it is."""

import hashlib
import json
from pathlib import Path

import pytest

from vitrine.forgetting import manifests
from vitrine.paths import Paths


def version_of(folder: Path, told: object) -> Path:
    """Make a folder with a file and a manifest; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(told if isinstance(told, str) else json.dumps(told))
    (folder / "a.txt").write_text("cleaned")
    return folder / "a.txt"


def told_of(file: Path):
    return json.loads((file.parent / "manifest.json").read_text())


def test_the_entries_of_changed_files_are_corrected_and_those_of_removed_ones_go(paths):
    said = {"bytes": 1, "sha256": "0" * 64, "rows": 2}
    names = ("a.txt", "gone.txt", "elsewhere.txt")
    file = version_of(paths.home / "x", {"files": dict.fromkeys(names, said), "night": "n"})
    for _ in range(2):
        manifests.correct([file, file.with_name("gone.txt")], paths)
        digest = hashlib.sha256(b"cleaned").hexdigest()
        assert told_of(file) == {
            "files": {"a.txt": {"bytes": 7, "sha256": digest, "rows": 2}, "elsewhere.txt": said},
            "night": "n",
        }


@pytest.mark.parametrize(
    "told",
    [{"files": {"a.txt": "0" * 64}}, {"files": ["a.txt"]}, ["a.txt"], '{"files": {', {"files": {}}],
    ids=repr,
)
def test_what_has_another_form_stays(paths, told):
    file = version_of(paths.home / "x", told)
    before = (file.parent / "manifest.json").read_text()
    manifests.correct([file], paths)
    after = (file.parent / "manifest.json").read_text()
    assert after == before or json.loads(after) == told


@pytest.mark.parametrize("landing", ["home/landing", "shop/landing", "elsewhere/landing"])
def test_the_manifests_of_the_shop_stay(tmp_path, landing):
    told = {"files": {"a.txt": {"bytes": 1}, "drops/a.txt": {"bytes": 1}}}
    file = version_of(tmp_path / landing / "drops", told)
    folders = [file.parent, file.parent.parent]
    if not landing.startswith("home"):
        folders.append(tmp_path / landing.partition("/")[0])
    for folder in folders[1:]:
        version_of(folder, told)
    other = tmp_path / ("shop/landing" if landing.startswith("elsewhere") else landing)
    manifests.correct([file], Paths(landing=other, home=tmp_path / "home"))
    for folder in folders:
        assert json.loads((folder / "manifest.json").read_text()) == told
