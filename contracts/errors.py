"""Every error of ours, by who must act; a message says what, which and what to do."""


class VedetteError(Exception):
    """The root of the tree; catch a branch of it, not this."""


class ConfigError(VedetteError):
    """The owner must act: a configuration, an option or an argument is wrong."""


class HardwareError(VedetteError):
    """A camera, an accelerator or a file that is read failed; trying again may help."""


class Unplugged(HardwareError):
    """A local camera is not there; it is opened when it is plugged in."""


class BundleError(VedetteError):
    """A model bundle is refused; the old model is kept."""


class StorageError(VedetteError):
    """A disk refused to keep something; shed load and say so."""


class ProtocolError(VedetteError):
    """A message from outside is refused."""
