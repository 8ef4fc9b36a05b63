"""Secrets reach the box and nobody else; the journal has fields to search by, and no secret."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.systemd.appliance import Appliance

SECRET = "correct-horse-battery-staple"
WRONG = "swordfish-hunter2-swordfish"
BROKER = "listener 1883 127.0.0.1\nallow_anonymous false\npassword_file /etc/mosquitto/passwords\n"
MQTT = {"mqtt": {"host": "127.0.0.1", "port": 1883, "username": "box-01"}}
CREDENTIAL = "[Service]\nLoadCredential=VEDETTE_MQTT__PASSWORD:/etc/credstore/vedette.mqtt-password\n"


@pytest.fixture(scope="module")
def secretive(appliance: Appliance) -> Iterator[Appliance]:
    """A real broker in the box that lets in who knows the password, which only root's file has."""
    appliance.call("sh", "-c", "cat > /etc/mosquitto/conf.d/box.conf", stdin=BROKER)
    appliance.call("mosquitto_passwd", "-b", "-c", "/etc/mosquitto/passwords", "box-01", SECRET)
    appliance.call("chown", "mosquitto", "/etc/mosquitto/passwords")
    appliance.call("systemctl", "start", "mosquitto")
    lay(appliance, SECRET)
    appliance.drop_in("credentials", CREDENTIAL)
    appliance.configure(MQTT)
    appliance.start()
    appliance.until(lambda: appliance.asked("/api/v1/health")["parts"]["mqtt"]["state"] == "ok")
    return appliance


def lay(appliance: Appliance, secret: str) -> None:
    place = "/etc/credstore/vedette.mqtt-password"
    appliance.call("sh", "-c", f"install -d -m 0700 /etc/credstore && umask 077 && cat > {place}", stdin=secret + "\n")


def test_the_credential_reaches_the_box_and_nobody_else(secretive: Appliance) -> None:
    """That it reached the box the broker says, which let it in."""
    folder = "/run/credentials/vedette.service"
    assert secretive.fails("runuser", "-u", "nobody", "--", "cat", f"{folder}/VEDETTE_MQTT__PASSWORD")
    assert secretive.fails("runuser", "-u", "mosquitto", "--", "ls", folder)
    assert secretive.fails("runuser", "-u", "vedette", "--", "cat", "/etc/credstore/vedette.mqtt-password")
    pid = secretive.main_pid()
    for place in ("environ", "cmdline"):
        assert SECRET not in secretive.call("cat", f"/proc/{pid}/{place}")
    assert SECRET not in secretive.call("systemctl", "show", "vedette")
    assert secretive.fails("grep", "-rqF", SECRET, "/var/lib/vedette", "/run/vedette")


def test_the_journal_has_fields_to_search_by(secretive: Appliance) -> None:
    online = [entry for entry in secretive.journal("VEDETTE_CAMERA=yard") if "camera online" in str(entry["MESSAGE"])]
    assert online
    wanted = {"PRIORITY": "6", "SYSLOG_IDENTIFIER": "vedette", "VEDETTE_CODEC": "h264", "LOGGER": "device.capture.camera"}
    assert {name: online[-1].get(name) for name in wanted} == wanted
    assert online[-1]["_SYSTEMD_UNIT"] == "vedette.service"
    assert str(online[-1]["CODE_FILE"]).endswith("capture/camera.py")


def test_no_secret_is_in_the_journal_or_in_diag_whatever_goes_wrong(secretive: Appliance) -> None:
    """A wrong password, a camera whose address has one, a configuration with one that cannot be used, and a crash."""
    lay(secretive, WRONG)
    cameras = {"yard": {"use": "pattern", "seconds": 0, "fps": 10}, "gate": {"use": "rtsp", "url": f"rtsp://me:{WRONG}@127.0.0.1:1/x"}}
    secretive.configure({**MQTT, "cameras": cameras})
    secretive.call("systemctl", "restart", "vedette")
    secretive.until(lambda: secretive.asked("/api/v1/health")["parts"]["mqtt"]["state"] != "ok")
    pid = secretive.main_pid()
    secretive.call("kill", "-ABRT", str(pid))
    secretive.until_ready_again(pid)
    secretive.call(
        "sh",
        "-c",
        "cd /var/tmp && /usr/bin/env /opt/vedette/current/bin/vedette diag --config /etc/vedette/device.yaml --output d.zip --no-probe",
    )
    diag = secretive.call(
        "/opt/vedette/current/bin/python", "-c", "import zipfile; z = zipfile.ZipFile('/var/tmp/d.zip'); print(*map(z.read, z.namelist()))"
    )
    assert "journal.txt" in secretive.call("/opt/vedette/current/bin/python", "-m", "zipfile", "-l", "/var/tmp/d.zip")  # noqa: S108  of the box
    secretive.configure({**MQTT, "mqtt": {**MQTT["mqtt"], "pasword": WRONG}})
    before = secretive.restarts()
    secretive.call("systemctl", "restart", "--no-block", "vedette")
    secretive.until(lambda: secretive.restarts() >= 2 or secretive.restarts() > before)
    everything = secretive.call("journalctl", "--no-pager", "-o", "verbose") + diag
    assert SECRET not in everything
    assert WRONG not in everything
    assert "pasword" in everything
