"""A real RTSP server on loopback for the tests; run by the system's Python, which has GStreamer's bindings.

rtsp_server.py PORT [FILE]: serves /live, rendered at 25 pictures a second with a key frame each second, and FILE's H.264 at
/file (with PARSER FILE what the parser makes of FILE, with a third word SOUND its sound
too); says "ready" on its output. /secret asks for user "owner" with password "hush".
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

LIVE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=500 ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


def mount(server: GstRtspServer.RTSPServer, path: str, launch: str) -> GstRtspServer.RTSPMediaFactory:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    server.get_mount_points().add_factory(path, factory)
    return factory


PAYLOADS = {
    "h264parse": "h264parse config-interval=-1 ! rtph264pay", "h265parse": "h265parse config-interval=-1 ! rtph265pay",
    "jpegparse": "jpegparse ! rtpjpegpay",
    "aac": "aacparse ! rtpmp4gpay", "opus": "opusparse ! rtpopuspay", "pcma": "rtppcmapay", "mp3": "mpegaudioparse ! rtpmpapay",
}  # fmt: skip


def parsed(parser: str, path: str, sound: str = "") -> str:
    streams = f"d. ! queue ! {PAYLOADS[parser]} name=pay0 pt=96"
    if sound:
        streams += f" d. ! queue ! {PAYLOADS[sound]} name=pay1 pt={8 if sound == 'pcma' else 14 if sound == 'mp3' else 97}"
    return f"( filesrc location={path} ! matroskademux name=d {streams} )"


def guard(server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "owner")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("owner", "hush"), token)
    server.set_auth(auth)
    role = Gst.Structure.new_empty("owner")
    role.set_value("media.factory.access", True)
    role.set_value("media.factory.construct", True)
    factory.add_role_from_structure(role)


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    if len(sys.argv) > 2 and sys.argv[2] == "--guard":
        guard(server, mount(server, "/secret", LIVE))
    else:
        mount(server, "/live", LIVE)
        if len(sys.argv) > 3:
            mount(server, "/file", parsed(*sys.argv[2:]))
        elif len(sys.argv) > 2:
            source = f"filesrc location={sys.argv[2]} ! matroskademux ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96"
            mount(server, "/file", f"( {source} )")
    if not server.attach(None):
        sys.exit("the port is taken")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main()
