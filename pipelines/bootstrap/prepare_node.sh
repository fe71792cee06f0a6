#!/bin/bash
# Prepares a node of an EMR cluster: refuses one with IMDSv1, unpacks the Python environment when there is one.
# Arguments: nothing, or the S3 URI of a tar.gz and its SHA-256.
set -euo pipefail

status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 5 \
  http://169.254.169.254/latest/meta-data/ || true)
if [ "$status" = "200" ]; then
  echo "this node answers metadata requests without a token (IMDSv1): look at the security configuration" >&2
  exit 1
fi

if [ "$#" -eq 0 ]; then
  exit 0
fi
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
aws s3 cp --only-show-errors "$1" "$archive"
echo "$2  $archive" | sha256sum --check --quiet
sudo mkdir -p /opt/seatrial/python
sudo tar -xzf "$archive" -C /opt/seatrial/python
/opt/seatrial/python/bin/python --version
