"""What `kizashi demo` is told: where the installation is, and which keys open it.

Source: OPERATIONS.md 3, profile `demo`.
"""

from __future__ import annotations

from pydantic import Field, SecretStr

from kizashi_common.runtime.settings import Settings


class DemoSettings(Settings):
    """The demo as a process of its own, beside services that run elsewhere."""

    demo_ingest_url: str = Field(pattern="^https?://", description="ingest's public address, as SDKs use it")
    demo_server_key: SecretStr = Field(min_length=8, description="kzs_…: a server key that may import the past")
    demo_workspace: str = Field(default="main", min_length=1, max_length=32, description="the workspace of that key")
    demo_folder: str = Field(min_length=1, description="where the demo remembers for which day its past was made")
    service_token: SecretStr = Field(min_length=16, description="what our own services show to each other")
    health_url: str = Field(
        default="http://127.0.0.1:7303", pattern="^https?://", description="health's internal address"
    )
    alerts_url: str = Field(
        default="http://127.0.0.1:7304", pattern="^https?://", description="alerts' internal address"
    )
    database_url: SecretStr = Field(description="postgresql://role:password@host:port/name, as health's role")
