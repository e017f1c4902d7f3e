"""The one rule about where this house may call: every connection of a channel asks here first.

Names are resolved here and the connection goes to the address that was checked, so a name that
changes its address between check and connection gains nothing.
"""

import ipaddress
import socket
import ssl
from functools import cache

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Prefixes that carry an IPv4 address inside an IPv6 one (NAT64 and its local form).
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UnknownHost(OSError):
    """The host has no address."""


class AddressRefused(OSError):
    """The host is no public address and the operator has not allowed it."""


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """Return a connection to the checked address. Raises AddressRefused, UnknownHost, OSError."""
    return socket.create_connection((checked_address(host, port), port), timeout)


def checked_address(host: str, port: int) -> str:
    """Return the address that may be connected to. Raises AddressRefused or UnknownHost."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, OverflowError) as error:
        raise UnknownHost("The host has no address") from error
    addresses = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
    # One private address among public ones is an attack or a mistake: refuse them all.
    if not addresses or not all(map(_is_allowed, addresses)):
        raise AddressRefused("The host is not a public address")
    return str(addresses[0])


def trouble(error: Exception) -> str | Promise:
    """Return why a server could not be reached, in words for an administrator."""
    if isinstance(error, AddressRefused):
        return _("The server is not at a public address.")
    if isinstance(error, UnknownHost):
        return _("The server is not known by this name.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return _("The server's certificate is not valid for its name.")
    if isinstance(error, ssl.SSLError):
        return _("No encrypted connection could be made.")
    if isinstance(error, ConnectionRefusedError):
        return _("The server does not answer at this port.")
    if isinstance(error, TimeoutError):
        return _("The server does not answer in time.")
    return _("The connection to the server did not hold.")


@cache
def tls() -> ssl.SSLContext:
    """Return what verifies certificates and names; one for the process, since making it costs 86 ms."""
    return ssl.create_default_context()


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the internet, looking inside wrapped IPv4 too."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _wrapped_ipv4(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:  # of old, and still routed inside some houses
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _wrapped_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_allowed(address: Address) -> bool:
    networks = (ipaddress.ip_network(each) for each in settings.OUTGOING_ALLOWED_NETWORKS)
    return is_public(address) or any(address in network for network in networks)
