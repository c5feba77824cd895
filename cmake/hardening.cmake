# As Debian's hardening=+all: no function pointers to write over once the program runs, addresses that differ each
# time, stacks that notice an overrun, calls of libc that know the size of their buffers.
# No CET: code that is emitted has no landing pads, and each micro-op's handler would begin with one.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_compile_options(orrery_flags INTERFACE -Wformat -Wformat-security)
target_link_options(orrery_flags INTERFACE LINKER:-z,relro,-z,now,-z,noexecstack)
if(NOT ORRERY_SANITIZE) # sanitizers check more, and do not see into fortified calls
  target_compile_options(orrery_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fstack-protector-strong>)
  set(CMAKE_REQUIRED_FLAGS -Werror)
  check_c_compiler_flag(-fstack-clash-protection STACK_CLASH_PROTECTION) # clang has it for some targets only
  unset(CMAKE_REQUIRED_FLAGS)
  if(STACK_CLASH_PROTECTION)
    target_compile_options(orrery_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fstack-clash-protection>)
  endif()
  if(CMAKE_BUILD_TYPE STREQUAL "Release") # only a compiler that optimizes knows sizes
    target_compile_options(orrery_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-U_FORTIFY_SOURCE>
                           $<$<COMPILE_LANGUAGE:C>:-D_FORTIFY_SOURCE=3>)
  endif()
endif()
