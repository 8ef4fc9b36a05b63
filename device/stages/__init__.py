"""What happens to a frame between camera and journal: one file a stage, named in the profile."""

STAGES = {
    "motion_gate": "device.stages.motion_gate:MotionGate",  # a Gate: it sits before the decoder, not among the stages
    "detect": "device.stages.detect:Detect",
    "classify": "device.stages.classify:Classify",
    "match": "device.stages.match:Match",
    "read_text": "device.stages.read_text:ReadText",
    "track": "device.stages.track:Track",
    "smooth": "device.stages.smooth:Smooth",
    "zones": "device.stages.zones:Zones",
    "lines": "device.stages.lines:Lines",
    "confirm": "device.stages.confirm:Confirm",
    "take": "device.stages.take:Take",
    "steady": "device.stages.steady:Steady",
    "state_machine": "device.stages.state_machine:StateMachine",
}
