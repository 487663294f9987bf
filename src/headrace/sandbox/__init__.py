"""The sandbox: the providers' APIs on loopback, strict and with faults on demand. It shares no code with the engine.

A call goes through `server` (sockets, delays) into `core.Sandbox.handle`, which is pure: time is given, randomness is
seeded. There it passes `access`, `limits` and `faults` and reaches one provider's tables by the generic routes of
`jsonapi`, which read and change the `store`; `audit` watches everything. The core runs without aiohttp.
"""
