"""A recorded file: the same log each time, every frame accounted for, the visits found where they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.stage import SECONDS, VISITS, config, film, run_vedette


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("replay")
    return film(folder / "visits.mkv"), config(folder, {"use": "pattern", "pace": "realtime"})


def replayed(played: tuple[Path, Path], out: Path, *more: str) -> tuple[dict[str, object], list[dict[str, object]], bytes]:
    path, device = played
    done = run_vedette("replay", str(path), "--config", str(device), "--output", str(out), "--json", *more, folder=path.parent)
    assert done.returncode == 0, done.stderr
    log = (out / "visits" / "events.jsonl").read_bytes()
    header, _, body = log.partition(b"\n")
    assert json.loads(header)["format"] == 1
    return json.loads(done.stdout), [json.loads(line) for line in body.splitlines()], log


def test_the_same_file_twice_gives_the_same_bytes_but_for_the_processing_time(played: tuple[Path, Path], tmp_path: Path) -> None:
    _, events, first = replayed(played, tmp_path / "a", "--keep")
    _, _, second = replayed(played, tmp_path / "b", "--keep")
    times = [json.loads(log.partition(b"\n")[0])["processed_at"] for log in (first, second)]
    assert len(events) >= 2 * len(VISITS)
    assert first.replace(times[0].encode(), b"") == second.replace(times[1].encode(), b"")
    assert kept(tmp_path / "a") == kept(tmp_path / "b"), "clips, manifests and pictures too"


def kept(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.glob("visits/*/**/*")) if p.is_file()}


def test_more_workers_and_a_second_run_over_the_leftovers_change_nothing(played: tuple[Path, Path], tmp_path: Path) -> None:
    _, one, _ = replayed(played, tmp_path / "a", "--set", "model.workers=1")
    _, two, _ = replayed(played, tmp_path / "a", "--set", "model.workers=2")
    assert one == two


def test_each_visit_is_one_event_within_a_sampling_interval_of_the_truth(played: tuple[Path, Path], tmp_path: Path) -> None:
    _, events, _ = replayed(played, tmp_path)
    began = [e["start_pts_ns"] / 1e9 for e in events if e["life"] == "new"]  # type: ignore[operator]
    assert began == pytest.approx([begin for begin, _ in VISITS], abs=0.1)
    ends = [e["pts_ns"] / 1e9 for e in events if e["life"] == "end"]  # type: ignore[operator]
    assert ends == pytest.approx([end for _, end in VISITS], abs=0.2)
    assert {e["start"][:16] for e in events} == {"2026-01-02T03:04"}  # type: ignore[index]  # creation_time counts


def test_every_sample_is_analysed_gated_or_dropped_for_a_reason(played: tuple[Path, Path], tmp_path: Path) -> None:
    summary, _, _ = replayed(played, tmp_path)
    assert summary["offered"] == int(SECONDS * 10)
    assert summary["offered"] == summary["analysed"] + summary["gated"] + summary["dropped"]  # type: ignore[operator]
    assert summary["gated"] > 50, "the gate slept while nothing moved"  # type: ignore[operator]
    assert summary["dropped"] == 0


def test_without_the_gate_the_same_events_come(played: tuple[Path, Path], tmp_path: Path) -> None:
    _, gated, _ = replayed(played, tmp_path / "a")
    path, device = played
    always = tmp_path / "always.yaml"
    text = device.read_text().replace("profile:", "#")
    profile = tmp_path / "nogate.yaml"
    street = (Path(__file__).parents[2] / "configs/profiles/street.yaml").read_text()
    profile.write_text("\n".join(line for line in street.splitlines() if "motion" not in line))
    always.write_text(text.replace("  motion:\n    hold_ms: 3500\n", ""))
    _, free, _ = replayed((path, always), tmp_path / "b", "--profile", str(profile))
    assert [(e["id"], e["start"]) for e in gated if e["life"] == "new"] == [(e["id"], e["start"]) for e in free if e["life"] == "new"]


def test_clips_and_pictures_are_kept_when_asked(played: tuple[Path, Path], tmp_path: Path) -> None:
    replayed(played, tmp_path, "--keep")
    clips = [json.loads(path.read_text()) for path in sorted((tmp_path / "visits" / "clips").glob("*/*/*.json"))]
    assert [len(clip["events"]) for clip in clips] == [1, 1, 1]
    for clip, (begin, _) in zip(clips, VISITS, strict=True):
        asked = begin - clip["pre_roll_asked_ms"] / 1e3
        assert max(0, asked) - 1.04 <= clip["start_pts_ns"] / 1e9 <= max(0, asked) + 0.1, "at most one GOP early, never late"
    assert len(list((tmp_path / "visits" / "events").glob("*/*.jpg"))) == 3


def test_a_file_that_is_no_video_fails_in_words_and_the_next_one_is_played(played: tuple[Path, Path], tmp_path: Path) -> None:
    path, device = played
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"\x1aE\xdf\xa3" + b"no video" * 100)
    done = run_vedette("replay", str(broken), str(path), "--config", str(device), "--output", str(tmp_path / "o"), folder=tmp_path)
    assert done.returncode == 1
    assert "broken.mkv is not a video that can be read" in done.stderr
    assert (tmp_path / "o" / "visits" / "events.jsonl").exists()


def test_a_file_cut_in_the_middle_is_read_as_far_as_it_goes_and_the_hole_is_said(played: tuple[Path, Path], tmp_path: Path) -> None:
    path, device = played
    whole = path.read_bytes()
    cut = tmp_path / "visits.mkv"
    cut.write_bytes(whole[: len(whole) // 2])
    summary, events, _ = replayed((cut, device), tmp_path / "o")
    assert 0 < summary["events"] < len(VISITS)  # type: ignore[operator]
    assert summary["offered"] == summary["analysed"] + summary["gated"] + summary["dropped"]  # type: ignore[operator]
    assert [e["life"] for e in events].count("new") == [e["life"] for e in events].count("end")
    assert "cut short" in " ".join(summary["holes"])  # type: ignore[arg-type]
