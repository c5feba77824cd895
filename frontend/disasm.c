/*
 * Disassembly (disasm.h). A Capstone handle is opened for each call: this is
 * for people's eyes, and keeps no state that two threads would share.
 */
#include "frontend/disasm.h"

#include <capstone.h>

enum { BYTES_A_LINE = 8 };

/* The bytes of a long instruction go on over further lines. */
static void print_bytes(FILE *out, u64 lin, const u8 *bytes, unsigned n, const char *text)
{
    for (unsigned at = 0; at < n; at += BYTES_A_LINE) {
        char hex[3 * BYTES_A_LINE + 1] = "";
        for (unsigned i = at; i < n && i < at + BYTES_A_LINE; i++)
            snprintf(hex + 3 * (i - at), 4, "%02x ", bytes[i]);
        if (at == 0)
            fprintf(out, "0x%08llx:  %-24s %s\n", (unsigned long long)lin, hex, text);
        else
            fprintf(out, "0x%08llx:  %s\n", (unsigned long long)lin + at, hex);
    }
}

unsigned disasm_print(FILE *out, u64 lin, const u8 *bytes, unsigned n, unsigned bits)
{
    csh handle;
    cs_insn *insn = NULL;
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    char text[256] = ".byte";
    unsigned len = n ? 1 : 0;
    if (cs_open(CS_ARCH_X86, mode, &handle) == CS_ERR_OK) {
        cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
        if (n && cs_disasm(handle, bytes, n, lin, 1, &insn) == 1) {
            snprintf(text, sizeof(text), "%-8s %s", insn->mnemonic, insn->op_str);
            len = insn->size;
            cs_free(insn, 1);
        } else if (n) {
            snprintf(text, sizeof(text), "%-8s 0x%02x", ".byte", bytes[0]);
        }
        cs_close(&handle);
    }
    print_bytes(out, lin, bytes, len, text);
    return len;
}
