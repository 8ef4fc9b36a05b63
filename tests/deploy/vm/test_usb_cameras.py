"""USB for real: cameras made of programs on a bus of the kernel's own; what they are called, twins, plugging in and out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.vm.machine import of, run_in_machine

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_in_machine("tests.deploy.vm.guest_usb", tmp_path_factory.mktemp("vm"))


def test_a_camera_is_one_although_the_kernel_makes_two_nodes_of_it_and_one_for_the_program_behind_it(said: list[dict[str, Any]]) -> None:
    one = of(said, "one")
    assert one["nodes"] == 3, "pictures, metadata, and that of the program"
    assert [camera[0] for camera in one["cameras"]] == ["usb:046d:0892:S1"]


def test_twins_with_one_serial_number_are_told_apart_by_their_sockets(said: list[dict[str, Any]]) -> None:
    assert sorted(of(said, "twins")["cameras"]) == ["usb:046d:0892@vhci_hcd.0-1", "usb:046d:0892@vhci_hcd.0-2"]


def test_each_coming_and_going_is_seen_as_it_happens(said: list[dict[str, Any]]) -> None:
    assert [len(ids) for ids in of(said, "told")["ids"]] == [1, 2, 1]
    assert of(said, "done")
