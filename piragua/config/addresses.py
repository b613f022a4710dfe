"""Which addresses Kubernetes takes for a storage server."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address


def acceptable_address(text: str) -> str | None:
    """The address in its usual spelling, or None if it is no IP or one that cannot serve.

    Kubernetes' API server refuses Endpoints with a host name, a loopback, link-local or
    unspecified address (docs/heketi-wire.md, 7.1); multicast and broadcast can be mounted by nobody.
    An IPv4 address in IPv6 clothes is taken as what it is, as Go does.
    """
    if "%" in text:  # a zone: to Go this is no IP address
        return None
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except (AddressValueError, ValueError):
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    refused = (
        address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address == IPv4Address("255.255.255.255")
    )
    return None if refused else str(address)
