"""Instance types with disks of their own: SageMaker refuses a key for their volumes, the hardware encrypts them."""

LOCAL_STORAGE_FAMILIES = frozenset(
    (
        "c5d", "c6gd", "c6id", "c7gd", "c8gd",
        "m5d", "m5dn", "m6gd", "m6id", "m6idn", "m7gd", "m8gd",
        "r5d", "r5dn", "r6gd", "r6id", "r6idn", "r7gd", "r8gd",
        "i3", "i3en", "i4g", "i4i", "i7i", "i7ie",
        "g4ad", "g4dn", "g5", "g6", "g6e", "gr6", "g7e",
        "p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200",
        "trn1", "trn1n", "trn2", "x2idn", "x2iedn", "z1d",
    )
)  # fmt: skip
"""Families with local NVMe storage, as EC2's documentation has them; inf1, inf2, p2, p3 and g5g have none.

SageMaker's API reference says of VolumeKmsKeyId and KmsKeyId that they cannot be requested for such an instance."""


def has_local_storage(instance_type: str) -> bool:
    """Whether a SageMaker instance type (`ml.<family>.<size>`) is of a family with local storage.

    >>> has_local_storage("ml.g5.xlarge"), has_local_storage("ml.m5.large")
    (True, False)
    """
    parts = instance_type.split(".")
    return len(parts) == 3 and parts[1] in LOCAL_STORAGE_FAMILIES
