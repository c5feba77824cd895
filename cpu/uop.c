/*
 * The table of micro-ops: what uop.def says of each, with its handlers. The
 * handlers live with their families; this file only names them.
 */
#include "cpu/uop.h"

#define UOP(name, reads, writes, props, table) extern const struct uop_table table;
#include "cpu/uop.def"
#undef UOP

const struct uop_info uop_info[UOP_OP_COUNT] = {
#define UOP(name, reads, writes, props, table) {#name, reads, writes, props, &table},
#include "cpu/uop.def"
#undef UOP
};
