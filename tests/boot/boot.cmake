# Reads text off screen dumps.
add_executable(screentext ${CMAKE_CURRENT_LIST_DIR}/screentext.c)
target_link_libraries(screentext PRIVATE orrery_flags)
if(NOT TARGET orrery)
  return()
endif()
# Runs a guest in one go and in pieces that are saved and loaded, and compares.
add_executable(runon ${CMAKE_CURRENT_LIST_DIR}/runon.c)
target_link_libraries(runon PRIVATE orrery_lib)

# What the default run boots in the interpreter, too: what exercises it most.
set(INTERP_ALWAYS freedos gdb iso-grub linux-686-pae linux-amd64 linux-amd64-smp2 memtest-x64 system)
# What boots under the translator where the default is another engine.
set(JIT_ALWAYS freedos linux-686-pae linux-amd64)

# A script that ctest runs; 77 means skipped. ENGINE: what more stands in its environment.
function(boot_script name seconds script)
  add_test(NAME boot.${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/boot/${script} ${ARGN})
  set_tests_properties(boot.${name} PROPERTIES TIMEOUT ${seconds} SKIP_RETURN_CODE 77 LABELS boot
    ENVIRONMENT "ORRERY=$<TARGET_FILE:orrery>;SCREENTEXT=$<TARGET_FILE:screentext>;GUESTS=${CMAKE_BINARY_DIR}/guests;LSAN_OPTIONS=${LSAN};${ENGINE}")
endfunction()
# The same under one engine: boot.NAME-ENGINE. Lockstep runs everything twice and compares.
function(boot_script_under engine name seconds)
  set(ENGINE ORRERY_ACCEL=${engine})
  if(engine STREQUAL lockstep)
    list(APPEND ENGINE ORRERY_PATIENCE=10)
    set(seconds 9000)
  endif()
  boot_script(${name}-${engine} ${seconds} ${ARGN})
endfunction()
# boot_test(NAME SECONDS SCRIPT ARGS...): a guest under the default engine, and, in the long run, under all others.
function(boot_test name)
  boot_script(${name} ${ARGN})
  if(ORRERY_LONG_TESTS OR name IN_LIST INTERP_ALWAYS)
    boot_script_under(interp ${name} ${ARGN})
  endif()
  if(ORRERY_LONG_TESTS)
    boot_script_under(lockstep ${name} ${ARGN})
  endif()
  if(BACKEND STREQUAL "portable" AND (ORRERY_LONG_TESTS OR name IN_LIST JIT_ALWAYS))
    boot_script_under(jit ${name} ${ARGN})
  endif()
endfunction()

boot_script(errors 300 errors.sh) # starts no guest
boot_script(linux-amd64-tb-size 600 linux.sh amd64 amd64 -accel jit,tb-size=1) # flushed some 200 times
boot_test(vgamodes 300 vgamodes.sh)
boot_test(sdl 300 sdl.sh)
boot_test(framebuffer 600 framebuffer.sh)
boot_test(linux-amd64 600 linux.sh amd64 amd64)
boot_test(linux-amd64-smp2 900 linux.sh amd64 amd64 -smp 2)
boot_test(linux-cloud-amd64 600 linux.sh cloud-amd64 amd64)
boot_test(linux-686 600 linux.sh 686 i386)
boot_test(linux-686-pae 600 linux.sh 686-pae i386)
boot_test(linux-entry16 600 entry.sh 16)
boot_test(linux-entry32 600 entry.sh 32)
boot_test(linux-entry64 600 entry.sh 64)
boot_test(options 300 options.sh)
boot_script(diskfull 300 diskfull.sh)
boot_script(locks 300 locks.sh) # skips without qemu-utils
boot_test(kernels 300 kernels.sh)
boot_script(clocks 600 clocks.sh)
boot_script(polling 120 polling.sh)
boot_script(sound 120 sound.sh)
boot_test(icount 600 icount.sh -icount shift=1)
boot_test(icount-smp2 600 icount.sh -icount shift=0,sleep=off -smp 2)
boot_test(freedos 300 freedos.sh)
boot_test(seabios 120 seabios.sh)
boot_test(a20 60 a20.sh)
boot_test(system 300 system.sh)
boot_test(qmp 120 qmp.sh)
boot_test(terminal 300 terminal.sh)
boot_test(gdb 600 gdb.sh)
boot_test(iso-grub 600 iso.sh grub)
boot_test(iso-isolinux 600 iso.sh isolinux)
boot_test(debian 1800 debian.sh)
set_tests_properties(boot.debian PROPERTIES COST 1000) # the longest: first, so that nothing waits for it at the end
boot_test(installer 900 installer.sh)
boot_test(grub-rescue 300 rescue.sh)
boot_test(grub-invaders 300 invaders.sh)
boot_test(memtest-ia32 600 memtest.sh ia32)
boot_test(memtest-x64 600 memtest.sh x64)
boot_test(memtest-x64-smp2 600 memtest.sh x64 -smp 2)

# Saved and loaded on the way, each piece in a process of its own; long: every 50 million instructions of the whole boot.
add_test(NAME boot.runon COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/boot/runon.sh)
set_tests_properties(boot.runon PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS boot
  ENVIRONMENT "RUNON=$<TARGET_FILE:runon>;ORRERY=$<TARGET_FILE:orrery>;GUESTS=${CMAKE_BINARY_DIR}/guests;LSAN_OPTIONS=${LSAN}")
if(ORRERY_LONG_TESTS)
  add_test(NAME boot.runon-long COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/boot/runon.sh long)
  set_tests_properties(boot.runon-long PROPERTIES TIMEOUT 20000 SKIP_RETURN_CODE 77 LABELS boot
    ENVIRONMENT "RUNON=$<TARGET_FILE:runon>;ORRERY=$<TARGET_FILE:orrery>;GUESTS=${CMAKE_BINARY_DIR}/guests;LSAN_OPTIONS=${LSAN}")
endif()

# The program for other machines, under qemu-user: arm64, and big-endian IBM Z.
foreach(arch aarch64 s390x)
  boot_script(cross-${arch} 3000 cross.sh ${arch})
  set_tests_properties(boot.cross-${arch} PROPERTIES RESOURCE_LOCK build-${arch} COST 500)
  if(ORRERY_LONG_TESTS)
    boot_script(cross-${arch}-long 20000 cross.sh ${arch} long)
    set_tests_properties(boot.cross-${arch}-long PROPERTIES RESOURCE_LOCK build-${arch})
  endif()
endforeach()
