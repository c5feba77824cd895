#!/bin/bash
# cross.sh aarch64|s390x [long]: the program built for that machine and run under qemu-user: what software
# floating point gives, SeaBIOS, FreeDOS; long: all tests, and Debian kernels to busybox, also by the translator.
arch=$1 long=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$here/../.." && pwd)/build-$arch
targets="orrery test_insn_soft"
[ -z "$long" ] || targets=all
bash "$here/../cross.sh" "$arch" $targets
status=$?
[ $status != 77 ] || { echo "SKIPPED: nothing to build for $arch with"; exit 77; }
[ $status = 0 ] || { echo "FAIL: no build for $arch"; exit 1; }

# The scripts want one program to start.
printf '#!/bin/sh\nexec %s/run %s/orrery "$@"\n' "$build" "$build" >"$build/run-orrery"
chmod +x "$build/run-orrery"
export ORRERY=$build/run-orrery ORRERY_PATIENCE=10
bash "$here/seabios.sh" || exit 1
bash "$here/freedos.sh" || [ $? = 77 ] || exit 1
if [ -z "$long" ]; then
    "$build/run" "$build/tests/test_insn_soft" || exit 1
else
    ctest --test-dir "$build" --output-on-failure || exit 1
    bash "$here/linux.sh" 686 i386 || exit 1
    bash "$here/linux.sh" cloud-amd64 amd64 || exit 1
    ORRERY_ACCEL=jit bash "$here/freedos.sh" || [ $? = 77 ] || exit 1
    ORRERY_ACCEL=jit bash "$here/linux.sh" cloud-amd64 amd64 || exit 1
fi
