# For gdb on a guest that goes through the processor's modes: source this before "target remote". At every stop the
# description of the CPU becomes the one that fits: i8086, i386 or x86-64, so that code is disassembled, and registers
# are named, as the mode has them. $pc is linear in all of them. Breakpoints stay as they are.
define hook-stop
  python orrery_describe()
end
python
def orrery_describe():
    reply = gdb.execute("maintenance packet Qorrery.describe", to_string=True)
    if '"changed"' in reply:
        gdb.execute("unset tdesc filename", to_string=True)  # fetches it again
end
document hook-stop
Has gdb describe the CPU by its mode at every stop (Orrery).
end
