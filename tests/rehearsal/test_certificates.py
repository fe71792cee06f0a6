import io
import zipfile
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from seatrial.rehearsal.certificates import certificates_zip


@pytest.mark.parametrize(
    ("region", "name"), [("us-east-1", "*.ec2.internal"), ("eu-central-1", "*.eu-central-1.compute.internal")]
)
def test_the_zip_holds_what_emr_reads_for_the_nodes_names(region, name):
    content = certificates_zip(region, datetime(2026, 11, 2, tzinfo=UTC))

    files = zipfile.ZipFile(io.BytesIO(content))
    assert sorted(files.namelist()) == ["certificateChain.pem", "privateKey.pem", "trustedCertificates.pem"]
    chain = x509.load_pem_x509_certificate(files.read("certificateChain.pem"))
    key = serialization.load_pem_private_key(files.read("privateKey.pem"), None)
    assert chain.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name
    assert chain.public_key() == key.public_key()
    assert files.read("trustedCertificates.pem") == files.read("certificateChain.pem")
