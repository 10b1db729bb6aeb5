"""Certificates for tests: authorities, and what they sign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
VALID = (-DAY, DAY)
EXPIRED = (-2 * DAY, -DAY)
NOT_YET = (DAY, 2 * DAY)
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@frozen
class Authority:
    """A private authority, such as an engine's owner makes for it."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(factory=_key)

    @property
    def certificate(self) -> bytes:
        return self._signed(self.name, self.key, VALID, ())

    def issue(
        self, hosts: Iterable[str] = (), span: tuple[timedelta, timedelta] = VALID
    ) -> tuple[bytes, bytes]:
        """A certificate and its key: for an engine at those hosts, or for a client."""
        key = _key()
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self._signed("peer", key, span, tuple(hosts)), plain

    def _signed(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        span: tuple[timedelta, timedelta],
        hosts: tuple[str, ...],
    ) -> bytes:
        now, public = datetime.now(UTC), key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + span[0])
            .not_valid_after(now + span[1])
        )
        for extension, critical in self._extensions(public, hosts):
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def _extensions(
        self, public: ec.EllipticCurvePublicKey, hosts: tuple[str, ...]
    ) -> Iterator[tuple[x509.ExtensionType, bool]]:
        """What RFC 5280 demands; recent Pythons insist on it."""
        signer = self.key.public_key()
        authority = public == signer
        yield x509.BasicConstraints(ca=authority, path_length=None), True
        yield x509.SubjectKeyIdentifier.from_public_key(public), False
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False
        if authority:
            signs = dict.fromkeys(("key_cert_sign", "crl_sign"), True)
            yield x509.KeyUsage(**dict.fromkeys(_USES, False) | signs), True
        if hosts:
            yield x509.SubjectAlternativeName([_alternative(host) for host in hosts]), False


def pair(folder: Path, issued: tuple[bytes, bytes], authority: Authority) -> Path:
    """A folder as ``DOCKER_CERT_PATH`` names it: a pair, and whom it trusts."""
    folder.mkdir(exist_ok=True)
    for name, content in zip(("cert", "key", "ca"), (*issued, authority.certificate), strict=True):
        (folder / f"{name}.pem").write_bytes(content)
    return folder
