"""Tools to test with, shipped and documented: virtual time, and models of how servers count requests.

`virtual_time` runs asyncio code without waiting, `servers` holds the five ways in which an API may enforce its limits.
"""

from headrace.testing import servers, virtual_time

__all__ = ["servers", "virtual_time"]
