#!/bin/bash
# Mounts the volumes that stateful-asg attached to this instance, and reports it on the instance's own tags.
# Runs at every boot. Formats a device only when three independent looks find it blank.
set -euo pipefail

IMDS=${IMDS:-http://169.254.169.254}
DEVICES=${DEVICES:-/dev/disk/by-id}
MOUNT_ROOTS=${MOUNT_ROOTS:-/data /mnt /srv /var/lib}
PER_BOOT=${PER_BOOT:-/var/lib/cloud/scripts/per-boot}
WAIT_SECONDS=${WAIT_SECONDS:-1500}

fail() { echo "stateful-asg: $*" >&2; exit 1; }

metadata() {
  local token
  token=$(curl -sf --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$IMDS/latest/api/token") &&
    curl -sf --retry 5 -H "X-aws-ec2-metadata-token: $token" "$IMDS/latest/meta-data/$1"
}
tag() { metadata "tags/instance/stateful-asg:$1"; }
volume_names() { metadata tags/instance/ | sed -n 's/^stateful-asg:volume://p' | sort; }

wait_until() {
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < WAIT_SECONDS)) || fail "gave up after $WAIT_SECONDS s, waiting for: $*"
    sleep 2
  done
}

# The link in by-id may be stale for a moment: the device itself must say which volume it is.
is_volume() { [ -b "$1" ] && [ "$(lsblk -dno SERIAL "$1")" = "$2" ]; }

is_blank() {
  local probe=0 signatures
  blkid -p "$1" >/dev/null 2>&1 || probe=$?
  [ "$probe" -eq 2 ] || return 1
  signatures=$(wipefs "$1") && [ -z "$signatures" ] || return 1
  cmp -s -n 1048576 "$1" /dev/zero
}

is_allowed() {
  local root
  [[ $1 =~ ^/[A-Za-z0-9._/-]+$ && $1/ != */../* ]] || return 1
  for root in $MOUNT_ROOTS; do [[ $1 == "$root" || $1 == "$root"/* ]] && return; done
  return 1
}

mount_volume() {
  local name=$1 volume path fs owner device mounted
  read -r volume path fs owner <<<"$(tag "volume:$name")"
  case $fs in
    none) return ;;
    ext4 | xfs) ;;
    *) fail "volume $name: cannot make a filesystem of type '$fs'" ;;
  esac
  is_allowed "$path" || fail "volume $name: may not mount on '$path': only below $MOUNT_ROOTS"
  device=$DEVICES/nvme-Amazon_Elastic_Block_Store_${volume/-/}
  wait_until is_volume "$device" "${volume/-/}"
  device=$(readlink -f "$device")
  mounted=$(findmnt -nro SOURCE --mountpoint "$path" || true)
  [ "$mounted" != "$device" ] || return 0
  [ -z "$mounted" ] || fail "volume $name: $mounted is already mounted on $path"
  if is_blank "$device"; then mkfs -t "$fs" "$device"; fi
  mkdir -p "$path"
  mount -t "$fs" -o nodev,nosuid "$device" "$path" || fail "volume $name: $device holds no good $fs: look before repair"
  [ -z "$owner" ] || chown "$owner" "$path"
}

main() {
  local copy=$PER_BOOT/stateful-asg claim name names
  [ "$0" -ef "$copy" ] || install -D -m 755 "$0" "$copy"
  wait_until tag claim
  claim=$(tag claim)
  names=$(volume_names)
  for name in $names; do mount_volume "$name"; done
  [ "$names" = "$(volume_names)" ] && [ "$claim" = "$(tag claim)" ] || fail "the volumes changed while they were mounted"
  aws ec2 create-tags --region "$(metadata placement/region)" --resources "$(metadata instance-id)" \
    --tags "Key=stateful-asg:mounted,Value=$claim"
  echo "stateful-asg: mounted for claim $claim: ${names//$'\n'/ }"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main; fi
