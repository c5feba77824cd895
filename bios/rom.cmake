# What is assembled or compiled for the guest and becomes C arrays: the option ROM that starts
# kernels (nasm) and the DSDT (the C preprocessor, then iasl).
find_program(NASM nasm REQUIRED)
find_program(IASL iasl REQUIRED)
set(gen ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${gen})
set(MAP ${CMAKE_SOURCE_DIR}/devices/pc_map.h) # for nasm: what are plain numbers
file(STRINGS ${MAP} PC_MAP REGEX "^#define PC_[A-Z0-9_]+ +[0-9]")
list(TRANSFORM PC_MAP REPLACE "^#define ([A-Z0-9_]+) +([0-9a-fx]+).*" "-D\\1=\\2")

add_custom_command(
  OUTPUT ${gen}/kernelboot.c
  COMMAND ${NASM} ${PC_MAP} -f bin -o ${gen}/kernelboot.bin ${CMAKE_SOURCE_DIR}/bios/kernelboot.asm
  COMMAND ${CMAKE_COMMAND} -DIN=${gen}/kernelboot.bin -DOUT=${gen}/kernelboot.c -DNAME=kernelboot_rom
          -P ${CMAKE_SOURCE_DIR}/bios/embed.cmake
  DEPENDS ${CMAKE_SOURCE_DIR}/bios/kernelboot.asm ${MAP} ${CMAKE_SOURCE_DIR}/bios/embed.cmake)
add_custom_command(
  OUTPUT ${gen}/dsdt.c
  COMMAND ${CMAKE_C_COMPILER} -E -P -x c -I${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/bios/dsdt.asl -o ${gen}/dsdt.i.asl
  COMMAND ${IASL} -va -vs -vr -p ${gen}/dsdt ${gen}/dsdt.i.asl
  COMMAND ${CMAKE_COMMAND} -DIN=${gen}/dsdt.aml -DOUT=${gen}/dsdt.c -DNAME=dsdt_aml
          -P ${CMAKE_SOURCE_DIR}/bios/embed.cmake
  DEPENDS ${CMAKE_SOURCE_DIR}/bios/dsdt.asl ${MAP} ${CMAKE_SOURCE_DIR}/bios/embed.cmake)
set(BIOS_GENERATED ${gen}/kernelboot.c ${gen}/dsdt.c)
