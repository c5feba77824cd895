# 64-bit ARM; see cross.cmake.
set(TRIPLE aarch64-linux-gnu)
set(QEMU qemu-aarch64-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
