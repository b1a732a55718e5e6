"""The password proof of Cognito's USER_SRP_AUTH: Secure Remote Password 6a with Cognito's hashing and key
derivation.

The server learns that the client knows the password and not the password itself.
Sources: RFC 5054 and RFC 2945 (SRP), RFC 3526 section 4 (the 3072-bit group), RFC 5869 (HKDF), and the open
source client amazon-cognito-identity-js (padding, "Caldera Derived Key", the signed message).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
GENERATOR = 2
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def pad(value: int) -> bytes:
    """A number as bytes whose first bit is 0, as a signed big-endian integer is written.

    Example:
        >>> pad(0x7F), pad(0x80)
        (b'\\x7f', b'\\x00\\x80')
    """
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def hash_number(*parts: bytes) -> int:
    """The SHA-256 of the parts as a number."""
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


MULTIPLIER = hash_number(pad(PRIME), pad(GENERATOR))


def private_key(pool_name: str, user: str, password: str, salt: int) -> int:
    """SRP's x: what only somebody who knows the password can compute. `pool_name` is the pool id after its
    `_`."""
    inner = hashlib.sha256(f"{pool_name}{user}:{password}".encode()).digest()
    return hash_number(pad(salt), inner)


def derive_key(shared: int, scrambler: int) -> bytes:
    """The 16 bytes that sign the proof, from both sides' shared number: HKDF-SHA-256."""
    first = hmac.digest(pad(scrambler), pad(shared), "sha256")
    return hmac.digest(first, b"Caldera Derived Key\x01", "sha256")[:16]


def sign(key: bytes, pool_name: str, user: str, secret_block: str, timestamp: str) -> str:
    """The proof itself, base64."""
    message = pool_name.encode() + user.encode() + base64.b64decode(secret_block) + timestamp.encode()
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()


def format_timestamp(moment: datetime) -> str:
    """Cognito's form, in English whatever the locale, the day without a leading zero.

    Example:
        >>> format_timestamp(datetime(2026, 3, 5, 7, 8, 9))
        'Thu Mar 5 07:08:09 UTC 2026'
    """
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day} {month} {moment.day} {moment:%H:%M:%S} UTC {moment.year}"


class Exchange:
    """One sign-in: a fresh secret, its public number, and the answer to the server's challenge.

    Args:
        pool_id: `<region>_<name>`.
    """

    def __init__(self, pool_id: str) -> None:
        self._pool_name = pool_id.partition("_")[2]
        self._secret = secrets.randbits(1024)
        self._public = pow(GENERATOR, self._secret, PRIME)

    @property
    def public_hex(self) -> str:
        """SRP_A."""
        return format(self._public, "x")

    def answer(
        self, challenge: Mapping[str, str], password: str, *, moment: datetime | None = None
    ) -> dict[str, str]:
        """The responses to PASSWORD_VERIFIER.

        Args:
            challenge: ChallengeParameters with SRP_B, SALT, SECRET_BLOCK and USER_ID_FOR_SRP.
            moment: of the proof; now when it is None.

        Raises:
            ValueError: a server whose numbers would give the password's proof away.
        """
        server = int(challenge["SRP_B"], 16)
        if server % PRIME == 0:
            raise ValueError("the server's number is not safe")
        scrambler = hash_number(pad(self._public), pad(server))
        if scrambler == 0:
            raise ValueError("the server's number is not safe")
        user = challenge["USER_ID_FOR_SRP"]
        private = private_key(self._pool_name, user, password, int(challenge["SALT"], 16))
        base = (server - MULTIPLIER * pow(GENERATOR, private, PRIME)) % PRIME
        shared = pow(base, self._secret + scrambler * private, PRIME)
        timestamp = format_timestamp(moment or datetime.now(UTC))
        key = derive_key(shared, scrambler)
        return {
            "USERNAME": user,
            "TIMESTAMP": timestamp,
            "PASSWORD_CLAIM_SECRET_BLOCK": challenge["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": sign(
                key, self._pool_name, user, challenge["SECRET_BLOCK"], timestamp
            ),
        }
