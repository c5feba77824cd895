# IBM Z: the big-endian host; see cross.cmake.
set(TRIPLE s390x-linux-gnu)
set(QEMU qemu-s390x-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
