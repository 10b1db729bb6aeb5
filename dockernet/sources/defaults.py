"""What a resolver asks when it is given no sources, in one place to import.

It is imported when that is first needed, and not before: with sources and a vantage
given, none of these modules is used, and they take longer to import than the rest.
"""

from __future__ import annotations

from dockernet.sources.dns import Dns
from dockernet.sources.engine import Engine
from dockernet.sources.environ import Environ
from dockernet.sources.hosts_file import HostsFile
from dockernet.sources.vantage import read_vantage

__all__ = ["Dns", "Engine", "Environ", "HostsFile", "read_vantage"]
