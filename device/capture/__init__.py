"""Cameras and files: packets, and frames of those packets that will be looked at."""

SOURCES = {  # what a configuration calls a source -> where it is; each file has its Options beside its class
    "file": "device.capture.file:FileSource",
    "folder": "device.capture.folder:FolderSource",
    "gstreamer": "device.capture.gstreamer:GstreamerSource",
    "pattern": "device.capture.pattern:PatternSource",
    "rtsp": "device.capture.rtsp:RtspSource",
    "v4l2": "device.capture.v4l2:V4l2Source",
}
