"""Heads: a network's output tensors into Detections, one file a layout."""

HEADS = {
    "yolo": "vision.heads.yolo:Yolo",
    "end2end": "vision.heads.end2end:End2end",
    "points": "vision.heads.end2end:End2end",  # our own networks: decoded and ranked inside the graph
    "ssd": "vision.heads.ssd:Ssd",
}
