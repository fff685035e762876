#!/bin/sh
# Programs that tests and benchmarks compare Deident with. Installs them where that is possible
# (root on Debian), else names what is missing: tests that need them are then skipped by name.
set -eu

# program:Debian package
programs="dcmdump:dcmtk dciodvfy:dicom3tools gdcmanon:libgdcm-tools"

missing=""
packages=""
for entry in $programs; do
    if ! command -v "${entry%%:*}" >/dev/null; then
        missing="$missing ${entry%%:*}"
        packages="$packages ${entry#*:}"
    fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # the list of packages is meant to be split at the blanks
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages
else
    echo "Not installed, what needs them is skipped:$missing (Debian packages:$packages)" >&2
fi
