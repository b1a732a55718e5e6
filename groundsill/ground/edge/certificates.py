"""Certificates for HTTPS on this machine, signed by an authority that is made on first use and kept.

The authority's key stays in the system's data folder, readable by its owner alone. A developer who wants
browsers to trust it adds its certificate to the browser; nothing here touches the machine's trust store.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

# Browsers refuse certificates that are valid for longer (CA/Browser Forum baseline requirements, 6.3.2).
_SITE_DAYS = 397
_AUTHORITY_DAYS = 3650
_RENEW_BEFORE = datetime.timedelta(days=30)


def certificate_for(folder: Path, names: tuple[str, ...]) -> tuple[str, str]:
    """A certificate chain and key for some host names, made when there is none or it expires within 30 days.

    Arguments:
        folder: where authority, certificates and keys are kept. Created when missing.
        names: host names or addresses, the first one names the files. ``localhost`` and 127.0.0.1 are always
            added.

    Returns the paths of the chain and of the key, as :func:`~groundsill.ground.edge.server.serve` takes them.

    Example::

        server = await serve(listener, certificate=certificate_for(data / "tls", ("api.example.com",)))
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    label = "".join(c if c.isalnum() or c in "-." else "_" for c in (names or ("localhost",))[0])
    chain, key = folder / f"{label}.pem", folder / f"{label}.key"
    wanted = tuple(dict.fromkeys((*names, "localhost", "127.0.0.1", "::1")))
    if not _still_good(chain, key, folder / "authority.pem", wanted):
        _issue(folder, wanted, chain, key)
    return str(chain), str(key)


def authority(folder: Path) -> Path:
    """The authority's certificate, for clients that shall trust it."""
    return folder / "authority.pem"


def _write(path: Path, data: bytes, mode: int) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    beside.replace(path)


def _still_good(chain: Path, key: Path, authority_path: Path, names: tuple[str, ...]) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    if not (chain.exists() and key.exists() and authority_path.exists()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority_path.read_bytes()))
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    covered = {str(entry.value) for entry in found}
    soon = datetime.datetime.now(datetime.UTC) + _RENEW_BEFORE
    return certificate.not_valid_after_utc > soon and set(names) <= covered


def _issue(folder: Path, names: tuple[str, ...], chain: Path, key_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    now = datetime.datetime.now(datetime.UTC)
    authority_path, authority_key_path = folder / "authority.pem", folder / "authority.key"
    try:
        signing = serialization.load_pem_private_key(authority_key_path.read_bytes(), None)
        issuer = x509.load_pem_x509_certificate(authority_path.read_bytes())
        usable = (
            isinstance(signing, ec.EllipticCurvePrivateKey)
            and issuer.not_valid_after_utc > now + _RENEW_BEFORE
        )
    except (OSError, ValueError):
        usable = False
        signing = issuer = None
    if not usable or not isinstance(signing, ec.EllipticCurvePrivateKey) or issuer is None:
        signing = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Groundsill local authority")])
        issuer = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(signing.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=_AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(signing.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True
            )
            .sign(signing, hashes.SHA256())
        )
        _write(authority_key_path, pem(signing), 0o600)
        _write(authority_path, issuer.public_bytes(serialization.Encoding.PEM), 0o644)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_SITE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
        .sign(signing, hashes.SHA256())
    )
    _write(key_path, pem(key), 0o600)
    text = certificate.public_bytes(serialization.Encoding.PEM) + issuer.public_bytes(
        serialization.Encoding.PEM
    )
    _write(chain, text, 0o644)


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
