# Reads text off screen dumps.
add_executable(screentext ${CMAKE_CURRENT_LIST_DIR}/screentext.c)
target_link_libraries(screentext PRIVATE orrery_flags)
# Guests booted by ctest. boot_test(NAME SECONDS SCRIPT ARGS...); 77 means skipped.
function(boot_test name seconds script)
  add_test(NAME boot.${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/boot/${script} ${ARGN})
  set_tests_properties(boot.${name} PROPERTIES TIMEOUT ${seconds} SKIP_RETURN_CODE 77 LABELS boot
    ENVIRONMENT "ORRERY=$<TARGET_FILE:orrery>;SCREENTEXT=$<TARGET_FILE:screentext>;GUESTS=${CMAKE_BINARY_DIR}/guests")
endfunction()

if(TARGET orrery)
  boot_test(vgamodes 300 vgamodes.sh)
  boot_test(sdl 300 sdl.sh)
  boot_test(linux-amd64 600 linux.sh amd64 amd64)
  boot_test(linux-amd64-smp2 900 linux.sh amd64 amd64 -smp 2)
  boot_test(linux-cloud-amd64 600 linux.sh cloud-amd64 amd64)
  boot_test(linux-686 600 linux.sh 686 i386)
  boot_test(linux-686-pae 600 linux.sh 686-pae i386)
  boot_test(freedos 300 freedos.sh)
  boot_test(seabios 120 seabios.sh)
endif()
