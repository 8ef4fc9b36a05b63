"""Options of the page: where it listens, who may come in, how much it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from device.pipeline.strict import Strict
from device.web import passwords
from serving.addresses import is_loopback

LEAST_TOKEN, LEAST_PASSWORD = 16, 8  # characters


class Options(Strict):
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; not loopback: needs a token or password")
    port: int = Field(default=8088, ge=0, le=65535, description="TCP port; 0 takes a free one")
    token: SecretStr | None = Field(default=None, description="for machines: Authorization: Bearer, at least 16 characters")
    export_token: SecretStr | None = Field(default=None, description="for the trainer: fetches training data with it and nothing else")
    export_downloads: int = Field(default=8, ge=1, le=64, description="pictures of training data sent at a time")
    tls: Literal["auto", "off"] = Field(default="auto", description="auto: HTTPS beyond loopback, by a certificate of its own if need be")
    tls_cert: Path | None = Field(default=None, description="certificate with its chain, PEM: the page is served over HTTPS")
    tls_key: Path | None = Field(default=None, description="its key, PEM, without a passphrase")
    password: SecretStr | None = Field(default=None, description="for people: asked for by the login form, at least 8 characters")
    password_hash: SecretStr | None = Field(default=None, description="the password as the settings page keeps it; `password` wins")
    allowed_hosts: tuple[str, ...] = Field(default=(), description="names by which browsers reach the box, beside its addresses")
    session_hours: float = Field(default=12.0, gt=0, le=24 * 30, description="hours until a login must be repeated")
    jpeg_quality: int = Field(default=75, ge=10, le=95, description="of the pictures for browsers that cannot play the camera's own stream")
    jpeg_fps: float = Field(default=8.0, gt=0, le=30, description="at most so many of those pictures a second")
    jpeg_max_width_px: int = Field(default=1280, ge=160, le=3840, description="widest picture sent as JPEG")
    max_viewers: int = Field(default=24, ge=1, le=256, description="live pictures at a time, all cameras and browsers together")
    max_listeners: int = Field(default=64, ge=1, le=1024, description="readers of the event stream at a time; each open page is one")
    max_connections: int = Field(default=128, ge=8, le=4096, description="connections at a time, of any kind")

    @field_validator("token", "export_token")
    @classmethod
    def _long_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < LEAST_TOKEN:
            raise ValueError(f"the token is shorter than {LEAST_TOKEN} characters; make one with `openssl rand -hex 24`")
        return value

    @field_validator("password")
    @classmethod
    def _long_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < LEAST_PASSWORD:
            raise ValueError(f"the password is shorter than {LEAST_PASSWORD} characters; choose a longer one")
        return value

    @field_validator("password_hash")
    @classmethod
    def _usable_hash(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (why := passwords.fault(value.get_secret_value())):
            raise ValueError(why)
        return value

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Options:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together; set both, or none for plain HTTP")
        return self

    @model_validator(mode="after")
    def _open_only_with_a_lock(self) -> Options:
        if not is_loopback(self.host) and not self.locked:
            raise ValueError(
                f"host {self.host} can be reached by others, and there is neither a token nor a password; "
                "set VEDETTE_PAGE__PASSWORD (or the token), or listen on 127.0.0.1"
            )
        return self

    @property
    def ships(self) -> bool:
        """Whether training data may be fetched at all: not from outside without a token of its own."""
        return self.export_token is not None or is_loopback(self.host)

    @property
    def locked(self) -> bool:
        """Whether a visitor has to say who he is."""
        return any(secret is not None for secret in (self.token, self.password, self.password_hash))
