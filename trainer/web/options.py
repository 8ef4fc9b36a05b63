"""Options of the trainer's page: where it listens, by which names, for how many."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.addresses import is_loopback


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; not loopback: needs TLS or a proxy in front")
    port: int = Field(default=8090, ge=0, le=65535, description="TCP port; 0 takes a free one")
    tls_cert: Path | None = Field(default=None, description="certificate with its chain, PEM: the page is served over HTTPS")
    tls_key: Path | None = Field(default=None, description="its key, PEM, without a passphrase")
    behind_proxy: str | None = Field(default=None, description="address of the proxy that does TLS; its X-Forwarded headers are believed")
    allowed_hosts: tuple[str, ...] = Field(default=(), description="names by which browsers reach the page, beside its addresses")
    session_hours: float = Field(default=12.0, gt=0, le=24 * 30, description="hours until a login must be repeated")
    max_connections: int = Field(default=256, ge=8, le=4096, description="connections at a time, of any kind")
    body_s: float = Field(default=10.0, gt=0, le=300, description="seconds a request's body may take to come")
    write_s: float = Field(default=30.0, gt=0, le=600, description="seconds a reader may take none of an answer before it is cut off")
    worker: bool = Field(default=True, description="a worker for jobs runs beside the page")

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Options:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key belong together; give both, or none")
        return self

    @model_validator(mode="after")
    def _no_passwords_in_the_clear(self) -> Options:
        if not is_loopback(self.host) and self.tls_cert is None and self.behind_proxy is None:
            raise ValueError(
                f"host {self.host} can be reached by others, who could read passwords on the way; "
                "give --tls-cert and --tls-key, or --behind-proxy ADDRESS of one that does TLS, or listen on 127.0.0.1"
            )
        return self
