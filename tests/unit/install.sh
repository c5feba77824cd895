#!/bin/bash
# install.sh BUILD: 'cmake --install' puts program, man page, docs and licence in place, and the program works there.
set -u
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
DESTDIR=$stage cmake --install "$1" --prefix /opt/orrery >"$stage/log" || { cat "$stage/log"; exit 1; }
bad=0
for file in bin/orrery share/man/man1/orrery.1 share/doc/orrery/{README,testing,performance,debugging,monitor}.md \
    share/doc/orrery/LICENSE share/orrery/orrery.gdb; do
    [ -s "$stage/opt/orrery/$file" ] || { echo "$file is missing"; bad=1; }
done
# Nothing else: no test programs, no library of ours, no build folder's path.
extra=$(cd "$stage/opt/orrery" && find . -type f | grep -vE '^\./(bin/orrery|share/man/man1/orrery\.1|share/orrery/orrery\.gdb|share/doc/orrery/[a-z0-9]*\.md|share/doc/orrery/(README.md|LICENSE))$')
[ -z "$extra" ] || { echo "not expected: $extra"; bad=1; }
cd /
"$stage/opt/orrery/bin/orrery" -version | grep -qE '^QEMU emulator version [0-9.]+ \(Orrery [0-9.]+\)' || { echo "-version does not run"; bad=1; }
"$stage/opt/orrery/bin/orrery" -help | grep -q 'example: orrery' || { echo "-help does not run"; bad=1; }
exit $bad
