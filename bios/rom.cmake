# The option ROM that starts kernels, assembled and turned into a C array.
find_program(NASM nasm REQUIRED)
set(rom_bin ${CMAKE_BINARY_DIR}/generated/kernelboot.bin)
set(rom_c ${CMAKE_BINARY_DIR}/generated/kernelboot.c)
add_custom_command(
  OUTPUT ${rom_c}
  COMMAND ${NASM} -f bin -o ${rom_bin} ${CMAKE_SOURCE_DIR}/bios/kernelboot.asm
  COMMAND ${CMAKE_COMMAND} -DIN=${rom_bin} -DOUT=${rom_c} -DNAME=kernelboot_rom -P ${CMAKE_SOURCE_DIR}/bios/embed.cmake
  DEPENDS ${CMAKE_SOURCE_DIR}/bios/kernelboot.asm ${CMAKE_SOURCE_DIR}/bios/embed.cmake)
set(BIOS_GENERATED ${rom_c})
