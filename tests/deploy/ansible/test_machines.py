"""What roles do to the machines themselves: a firewall put up and taken down, a Jetson tuned, a release that is for another machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts import nspawn
from tests.deploy.ansible.fleet import Fleet
from tests.deploy.install.release_box import MEDIA, OLD

PORT = 9099
NFTABLES = ("nftables", "libnftables1", "libnftnl11", "libmnl0", "libxtables12", "libjansson4", "libedit2", "libbsd0", "libmd0", "libgmp10")
# As those of NVIDIA answer: name and number of the mode; clocks are remembered in the file that --store names.
NVPMODEL = """#!/bin/sh
case $1 in -m) echo "$2" >/srv/mode ;; *) echo "NV Power Mode: MODE" && cat /srv/mode 2>/dev/null || echo 1 ;; esac
"""
CLOCKS = '#!/bin/sh\necho "$*" >>/srv/clocks\n[ "$1" != --store ] || : >"$2"\n'


def with_nftables(fleet: Fleet, name: str, folder: Path) -> None:
    """The boxes have no network: the distribution's packages, brought by hand."""
    done = subprocess.run(["apt-get", "-q", "download", *NFTABLES], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nftables cannot be fetched here: {done.stderr.strip()[-200:]}")
    place = fleet.boxes[name].root / "srv/nftables"
    place.mkdir(exist_ok=True)
    for path in folder.glob("*.deb"):
        (place / path.name).write_bytes(path.read_bytes())
    fleet.sh(name, "dpkg --skip-same-version -i /srv/nftables/*.deb")


def reaches(fleet: Fleet, name: str, address: str, port: int) -> bool:
    return nspawn.run(fleet.boxes[name], "timeout", "3", "bash", "-c", f": </dev/tcp/{address}/{port}", check=False).returncode == 0


def test_a_firewall_lets_in_what_is_named_and_goes_when_its_option_does(old: Fleet, tmp_path: Path) -> None:
    other, name = old.edges[:2]
    address = old.boxes[name].address
    with_nftables(old, name, tmp_path)
    words = ("--limit", name, "--tags", "machines")
    network = str(next(nspawn.NETWORK.hosts()))
    closed = {"hardening_firewall": True, "hardening_firewall_ssh_from": [f"{network}/32"], "hardening_firewall_tcp": [PORT]}
    old.sh(name, f"systemd-run --quiet --collect python3 -m http.server {PORT} --directory /srv")
    old.sh(name, f"timeout 30 bash -c 'until : </dev/tcp/127.0.0.1/{PORT}; do sleep 0.1; done' 2>/dev/null")
    assert reaches(old, other, address, 22)
    run = old.play("site.yml", *words, **closed)
    assert run.code == 0, run.said[-4000:]
    assert old.play("site.yml", *words, **closed).changed() == {}, "and we still come in"
    assert not reaches(old, other, address, 22)
    assert reaches(old, other, address, PORT)
    wrong = old.play("site.yml", *words, **{**closed, "hardening_firewall_ssh_from": ["not a network"]})
    assert wrong.failed() == [name]
    assert not reaches(old, other, address, 22), "what nft refuses is not written"
    opened = old.play("site.yml", *words)
    assert opened.code == 0, opened.said[-4000:]
    assert reaches(old, other, address, 22)
    assert old.play("site.yml", *words).changed() == {}


def test_a_jetson_gets_its_mode_and_its_clocks_and_loses_them_again(old: Fleet) -> None:
    name = old.edges[2]
    root = old.boxes[name].root
    for file, text in (("etc/nv_tegra_release", "# R36 (release)\n"), ("usr/bin/nvpmodel", NVPMODEL), ("usr/bin/jetson_clocks", CLOCKS)):
        (root / file).write_text(text)
        (root / file).chmod(0o755)
    tuned = {"jetson_tuning_power_mode": 0, "jetson_tuning_clocks": True, "jetson_tuning_desktop": False}
    run = old.play("playbooks/deploy.yml", "--limit", name, **tuned)
    assert run.code == 0, run.said[-4000:]
    tuning = "cat /srv/mode; readlink /etc/systemd/system/default.target; systemctl is-enabled vedette-jetson-clocks"
    assert old.sh(name, tuning).split() == ["0", "/lib/systemd/system/multi-user.target", "enabled"]
    assert old.sh(name, "cat /srv/clocks").splitlines()[0].startswith("--store ")
    assert old.play("playbooks/deploy.yml", "--limit", name, **tuned).changed() == {}
    back = old.play("playbooks/deploy.yml", "--limit", name, jetson_tuning_power_mode=0)
    assert back.code == 0, back.said[-4000:]
    assert old.sh(name, "tail -n 1 /srv/clocks").startswith("--restore ")
    assert old.sh(name, "ls /etc/systemd/system/vedette-jetson-clocks.service || true") == ""
    (root / "etc/nv_tegra_release").unlink()
    assert old.play("playbooks/deploy.yml", "--limit", name).code == 0


def test_a_release_of_another_machine_or_of_nobody_is_refused_before_anything_changes(old: Fleet) -> None:
    pids, name = old.pids(), old.edges[0]
    foreign = old.play("playbooks/deploy.yml", "--limit", name, vedette_release_folder=f"{MEDIA}/vedette-{OLD}-aarch64")
    assert foreign.failed() == [name]
    assert f"is not for {name}, which is x86_64; set vedette_release_archive" in " ".join(foreign.said.split())
    none = old.play("playbooks/deploy.yml", "--limit", name, vedette_release_folder="", vedette_release_archive="")
    assert none.failed() == [name]
    assert "no release is named" in none.said
    nowhere = {"vedette_release_folder": "", "vedette_release_archive": "/nowhere/vedette-9.0.0-x86_64.tar.gz"}
    gone = old.play("playbooks/deploy.yml", "--limit", name, **nowhere)
    assert gone.failed() == [name]
    assert "/nowhere/vedette-9.0.0-x86_64.tar.gz is not there" in " ".join(gone.said.split())
    unsigned = old.play("playbooks/deploy.yml", "--limit", name, vedette_device_id="not-signed")
    assert unsigned.failed() == [name]
    assert "not-signed has no certificate in" in unsigned.said
    assert old.pids() == pids
