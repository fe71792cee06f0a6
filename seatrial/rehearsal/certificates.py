"""A self-signed certificate in the form in which EMR on EC2 wants it, as docs/how-to/run-spark-on-emr.md makes it."""

import io
import zipfile
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=365)


def certificates_zip(region: str, now: datetime) -> bytes:
    """The three PEM files that EMR reads, for the private names of nodes in the region."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"*.{domain}")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + LIFETIME)
    chain = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    files = {"privateKey.pem": private, "certificateChain.pem": chain, "trustedCertificates.pem": chain}
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return sink.getvalue()
