"""scripts/release.py and scripts/deb.py: what is locked for a kind of box, what wheels carry, and a release small enough to make here."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.version import Version

from scripts import deb, release, release_notices, release_wheels
from scripts.release_lock import GLIBC, Pin, Target, locked, pins
from scripts.release_wheels import Wheel

REQUIREMENTS = release.ROOT / "requirements"
JETSON = Target("aarch64", "3.10")
LOCK = """# Locked
one==1.0 ; python_full_version < '3.11' and sys_platform == 'linux' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
one==2.0 ; python_full_version >= '3.11'
Two_Words==3 ; platform_machine == 'aarch64'
""".format(a="a" * 64, b="b" * 64)


def wheel(folder: Path, name: str, files: dict[str, str], tag: str = "py3-none-any", version: str = "1.0", licence: str = "MIT") -> Wheel:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}-{version}.dist-info/METADATA", f"Name: {name}\nVersion: {version}\nLicense-Expression: {licence}\n")
        for place, text in files.items():
            file.writestr(place, text)
    return Wheel.of(path)


def test_markers_are_judged_for_the_box_and_not_for_this_machine() -> None:
    assert pins(LOCK, JETSON) == [Pin("one", "1.0", (f"sha256:{'a' * 64}", f"sha256:{'b' * 64}")), Pin("two-words", "3")]
    assert [pin.line() for pin in pins(LOCK, Target("x86_64", "3.12"))] == ["one==2.0"]


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", sorted(GLIBC))
def test_every_kind_of_box_has_its_packages_each_known_by_hash(arch: str, python: str) -> None:
    found = locked(REQUIREMENTS, ["install", "box"], Target(arch, python))
    assert {"pip", "numpy", "av", "onnxruntime"} <= {pin.name for pin in found}
    assert all(pin.hashes for pin in found)


def test_two_locks_that_do_not_agree_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one==1\n")
    (tmp_path / "b.txt").write_text("one==2\n")
    with pytest.raises(SystemExit, match="one is 1 in one lock and 2"):
        locked(tmp_path, ["a", "b"], JETSON)


def test_a_wheel_fits_the_box_whose_c_library_is_new_enough(tmp_path: Path) -> None:
    def fits(tag: str, target: Target = JETSON) -> bool:
        return release_wheels.fits(wheel(tmp_path, "one", {}, tag), target)

    assert fits("py3-none-any")
    assert fits("cp310-cp310-manylinux_2_17_aarch64.manylinux2014_aarch64")
    assert fits("cp37-abi3-manylinux_2_34_aarch64")
    assert not fits("cp311-cp311-manylinux_2_17_aarch64"), "another Python"
    assert not fits("cp310-cp310-manylinux_2_17_x86_64"), "another machine"
    assert not fits("cp310-cp310-manylinux_2_36_aarch64"), "JetPack 6 has 2.35"
    assert fits("cp312-cp312-manylinux_2_36_aarch64", Target("aarch64", "3.12"))
    assert wheel(tmp_path, "one", {}, "cp310-cp310-manylinux_2_17_aarch64.manylinux2014_aarch64").glibc() == 17


def test_ones_own_wheel_takes_the_place_of_the_locked_one_if_it_fits(tmp_path: Path) -> None:
    have = [wheel(tmp_path, "one", {}), wheel(tmp_path, "two", {})]
    mine = wheel(tmp_path / "mine", "one", {}, version="1.1")
    added = wheel(tmp_path / "mine", "pycuda", {}, "cp310-cp310-linux_aarch64")
    found = release_wheels.with_own(have, [mine.path, added.path], JETSON)
    assert [(each.name, each.version) for each in found] == [("one", "1.1"), ("pycuda", "1.0"), ("two", "1.0")]
    with pytest.raises(SystemExit, match=r"does not fit x86_64 with Python 3\.12"):
        release_wheels.with_own(have, [added.path], Target("x86_64", "3.12"))


def test_what_lies_inside_a_wheel_is_found_and_what_is_copyleft_is_refused(tmp_path: Path) -> None:
    inside = {
        "av.libs/libx264-d6533a8d.so.165": "",
        "av.libs/libgfortran-daac5196-038a5e3c.so.5": "",
        "av/LICENSE": "words",
        "av-1.0.dist-info/licenses/": "",
    }
    notice = release_notices.read(wheel(tmp_path, "av", inside))
    assert notice.libraries == ("libgfortran", "libx264")
    assert notice.texts == {"LICENSE": b"words"}
    release_notices.check([notice], allowed=["libx264"])
    with pytest.raises(SystemExit, match="carries libx264"):
        release_notices.check([notice], allowed=[])
    with pytest.raises(SystemExit, match=r"is under AGPL-3\.0-only"):
        release_notices.check([release_notices.read(wheel(tmp_path, "two", {}, licence="AGPL-3.0-only"))], allowed=[])
    release_notices.check([release_notices.read(wheel(tmp_path, "three", {}, licence="GPL-2.0-only OR MIT"))], allowed=[])
    assert "| av | libx264 | GPL-2.0-or-later, or commercial |" in release_notices.table([notice])


def plan(tmp_path: Path, version: str = "0.2.0rc1") -> release.Plan:
    return release.Plan(Target("x86_64", "3.11"), version, False, (), tmp_path / "cache", tmp_path / "out", "")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_wheels.export(tmp_path_factory.mktemp("source") / "tree", "")


@pytest.fixture(scope="module")
def small(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with the project's wheel, and no other packages than two made here."""
    folder = tmp_path_factory.mktemp("small")
    wheels = [wheel(folder, "pip", {}), wheel(folder, "one", {}, "cp311-cp311-manylinux_2_28_x86_64")]
    wheels += [release_wheels.build(source, "0.2.0rc1", 10**9, folder)]
    new = folder / plan(folder).name
    release.fill(new, plan(folder), wheels, source)
    return new


def test_a_release_says_what_it_is_and_lists_every_file(small: Path) -> None:
    about = deb.about(small)
    assert {name: about[name] for name in ("version", "arch", "python", "glibc", "trainer", "pip")} == {
        "version": "0.2.0rc1", "arch": "x86_64", "python": "3.11", "glibc": "2.28", "trainer": "no", "pip": "pip-1.0-py3-none-any.whl",
    }  # fmt: skip
    listed = dict(reversed(line.split("  ", 1)) for line in (small / "SHA256SUMS").read_text().splitlines())
    there = {path.relative_to(small).as_posix() for path in small.rglob("*") if path.is_file()}
    assert there - {"SHA256SUMS"} == set(listed)
    assert all(hashlib.sha256((small / name).read_bytes()).hexdigest() == digest for name, digest in listed.items())
    assert {"install.sh", "NOTICE", "deploy/systemd/vedette.service", "doc/guide/install.md", "licenses/THIRD-PARTY.md"} <= there
    names = [line.split("==")[0] for line in (small / "wheels/requirements.txt").read_text().splitlines()]
    assert names == ["one", "vedette"], "pip puts them in, and stays out itself"


def test_what_carries_gpl_libraries_is_left_out_where_that_is_wanted_and_known_by_its_hash(source: Path, tmp_path: Path) -> None:
    gpl = wheel(tmp_path, "av", {"av.libs/libx264-d6533a8d.so.165": ""}, "cp311-abi3-manylinux_2_28_x86_64")
    every = [wheel(tmp_path, "pip", {}), gpl, release_wheels.build(source, "0.2.0", 10**9, tmp_path)]
    for without, there in ((False, True), (True, False)):
        new = tmp_path / str(without)
        release.fill(new, dataclasses.replace(plan(tmp_path), without_gpl=without), every, source)
        assert (new / "wheels" / gpl.path.name).exists() == there
        assert deb.about(new)["bring"] == ("" if there else gpl.path.name)
        assert f"{gpl.line()}\n" in (new / "wheels/requirements.txt").read_text(), "it is installed all the same"
        assert ("fetched by who installs it" in (new / "licenses/THIRD-PARTY.md").read_text()) != there


def test_the_same_files_and_time_give_the_same_bytes(small: Path, source: Path, tmp_path: Path) -> None:
    mine = next((small / "wheels").glob("vedette-*.whl"))
    assert release_wheels.build(source, "0.2.0rc1", 10**9, tmp_path).path.read_bytes() == mine.read_bytes()
    for name in ("a", "b"):
        release.archive(small, tmp_path / name, 10**9)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with tarfile.open(tmp_path / "a") as tar:
        members = tar.getmembers()
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 10**9)}
    assert next(member.mode for member in members if member.name.endswith("/install.sh")) == 0o755


def test_a_version_that_is_none_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is no version"):
        release_wheels.build(source, "../1.0", 10**9, tmp_path)


@pytest.mark.parametrize(
    "pair", [("0.2.0rc1", "0.2.0"), ("0.2.0", "0.2.0.post1"), ("0.2.0.dev1", "0.2.0a1"), ("0.9.0", "0.10.0"), ("0.2.0.post1", "0.2.1")]
)
@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
def test_dpkg_orders_versions_as_python_does(pair: tuple[str, str]) -> None:
    assert Version(pair[0]) < Version(pair[1])
    words: Sequence[str] = ["dpkg", "--compare-versions", deb.deb_version(pair[0]), "lt", deb.deb_version(pair[1])]
    assert subprocess.run(words, check=False, timeout=30).returncode == 0


def test_a_jetsons_package_is_for_its_machine_and_its_python() -> None:
    said = deb.control({"version": "0.2.0", "arch": JETSON.arch, "python": JETSON.python, "glibc": "2.35"}, 1000)
    assert "\nArchitecture: arm64\n" in said
    assert "libc6 (>= 2.35)" in said and "python3 (>= 3.10~), python3 (<< 3.11~)" in said and "systemd (>= 245)" in said


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_a_package_carries_the_release_and_only_calls_it(small: Path, tmp_path: Path) -> None:
    package = deb.make(small, tmp_path)
    assert package.name == "vedette_0.2.0~rc1_amd64.deb"
    assert deb.make(small, tmp_path / "again").read_bytes() == package.read_bytes()
    subprocess.run(["dpkg-deb", "-R", str(package), str(tmp_path / "tree")], check=True, timeout=60)
    control = (tmp_path / "tree/DEBIAN/control").read_text()
    assert "python3 (>= 3.11~), python3 (<< 3.12~)" in control
    assert (tmp_path / "tree/usr/lib/vedette/release/SHA256SUMS").read_text() == (small / "SHA256SUMS").read_text()
    for script in ("postinst", "prerm", "postrm"):
        assert subprocess.run(["bash", "-n", str(tmp_path / "tree/DEBIAN" / script)], check=False, timeout=30).returncode == 0
    assert (small / "install.sh").read_text().partition("\n")[2] in (tmp_path / "tree/DEBIAN/postrm").read_text()
    done = subprocess.run(
        ["bash", str(tmp_path / "tree/DEBIAN/postrm"), "upgrade"], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "only a purge does anything"
